/* The main function of a Python, for executables that have another one: see releases.py. It is
 * loaded before them, by LD_PRELOAD, and takes the place of the function of the C library that
 * calls main. The executables lack Py_BytesMain, so this does what matters of it: -c, -m, a script,
 * or a program on standard input. */
#define _GNU_SOURCE
#include <Python.h>
#include <dlfcn.h>

typedef int main_function(int, char **, char **);
typedef void hook(void);
typedef int start_function(main_function *, int, char **, hook *, hook *, hook *, void *);

static PyObject *
text(const wchar_t *wide)
{
    return PyUnicode_FromWideChar(wide, -1);
}

/* Calls a Python function, made of source, with a string. */
static void
call(const char *source, PyObject *argument)
{
    PyObject *namespace = PyDict_New();
    PyDict_SetItemString(namespace, "__builtins__", PyEval_GetBuiltins());
    PyObject *function = PyRun_String(source, Py_eval_input, namespace, namespace);
    PyObject *result = function == NULL ? NULL : PyObject_CallOneArg(function, argument);
    if (result == NULL) {
        PyErr_Print();          /* ends the process if it is SystemExit */
        exit(Py_FinalizeEx() < 0 ? 120 : 1);
    }
    Py_DECREF(result);
    Py_DECREF(function);
    Py_DECREF(namespace);
    Py_DECREF(argument);
}

static int
run(const PyConfig *config)
{
    int status = 0;
#if PY_VERSION_HEX >= 0x030B0000
    int safe = config->isolated || config->safe_path;
#else
    int safe = config->isolated;
#endif
#define PATH(first) "lambda it: __import__('sys').path.insert(0, " first ")"
    if (config->run_command != NULL) {
        if (!safe) {
            call(PATH("''"), text(L""));
        }
        PyObject *command = text(config->run_command);
        status = PyRun_SimpleString(PyUnicode_AsUTF8(command));
        Py_DECREF(command);
    }
    else if (config->run_module != NULL) {
        if (!safe) {
            call(PATH("__import__('os').getcwd()"), text(L""));
        }
        call("__import__('runpy')._run_module_as_main", text(config->run_module));
    }
    else if (config->run_filename != NULL) {
        if (!safe) {
            call(PATH("__import__('os').path.dirname(__import__('os').path.realpath(it))"),
                 text(config->run_filename));
        }
        PyObject *name = text(config->run_filename), *bytes = PyUnicode_EncodeFSDefault(name);
        FILE *file = fopen(PyBytes_AsString(bytes), "rb");
        if (file == NULL) {
            fprintf(stderr, "can't open file '%s'\n", PyBytes_AsString(bytes));
            return 2;
        }
        status = PyRun_SimpleFileEx(file, PyBytes_AsString(bytes), 1);
        Py_DECREF(bytes);
        Py_DECREF(name);
    }
    else {
        status = PyRun_SimpleFile(stdin, "<stdin>");
    }
    return status < 0;
}

static int
python(int argc, char **argv, char **Py_UNUSED(environ))
{
    unsetenv("LD_PRELOAD");     /* they are for this process alone, not for those that it starts */
    unsetenv("LD_LIBRARY_PATH");
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    PyStatus status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status)) {
        status = PyConfig_Read(&config);
    }
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
    int failed = run(&config);
    PyConfig_Clear(&config);
    return Py_FinalizeEx() < 0 ? 120 : failed;
}

start_function __libc_start_main;

int
__libc_start_main(main_function *Py_UNUSED(their_main), int argc, char **argv, hook *init,
                  hook *fini, hook *linker_fini, void *stack_end)
{
    start_function *start;
    *(void **)&start = dlsym(RTLD_NEXT, "__libc_start_main");
    return start(python, argc, argv, init, fini, linker_fini, stack_end);
}
