#include "stack_floor.h"

#include "../tstate.h"

#include <opcode.h>

enum { FLOORS_MAX = UINT8_MAX - 1 };

/* Each version has two functions. Are opcodes those of the headers that this is compiled with? */
static bool opcodes_match(void);

/* Finds the floors of the `count` instructions of `units`, the code as it was
 * compiled. All are 0 to begin with, and false leaves them so. */
static bool find_floors(PyCodeObject *code, const _Py_CODEUNIT *units, int count, uint8_t *floors);

#include STACK_FLOORS

/* Set in code of the interpreter's own, which may lie in read-only memory. */
#ifndef CO_NO_MONITORING_EVENTS
#  define CO_NO_MONITORING_EVENTS 0
#endif

static Py_ssize_t extra_index = -1;         /* -1 if nothing has a floor */

/* What was asked for last: many greenlets wait in the same code. */
static PyCodeObject *last_code;
static uint8_t *last_floors;

static void
free_floors(void *floors)
{
    if (floors == last_floors) {
        last_code = NULL;
        last_floors = NULL;
    }
    PyMem_RawFree(floors);
}

static uint8_t *
make_floors(PyCodeObject *code)
{
    PyObject *bytes = PyCode_GetCode(code);
    if (bytes == NULL) {
        PyErr_Clear();
        return NULL;
    }
    int count = (int)(PyBytes_GET_SIZE(bytes) / (Py_ssize_t)sizeof(_Py_CODEUNIT));
    uint8_t *floors = PyMem_RawCalloc(count, 1);
    if (floors != NULL && code->co_stacksize <= FLOORS_MAX
        && !find_floors(code, (const _Py_CODEUNIT *)PyBytes_AS_STRING(bytes), count, floors)) {
        memset(floors, 0, count);
    }
    Py_DECREF(bytes);
    if (floors != NULL && PyUnstable_Code_SetExtra((PyObject *)code, extra_index, floors) < 0) {
        PyErr_Clear();
        PyMem_RawFree(floors);
        return NULL;
    }
    return floors;
}

static uint8_t *
find_or_make_floors(PyCodeObject *code)
{
    void *floors = NULL;
    if (extra_index < 0 || code->co_flags & CO_NO_MONITORING_EVENTS || PyErr_Occurred()) {
        return NULL;
    }
    if (PyUnstable_Code_GetExtra((PyObject *)code, extra_index, &floors) < 0) {
        PyErr_Clear();
        return NULL;
    }
    return floors != NULL ? floors : make_floors(code);
}

int
stack_floor(PyCodeObject *code, Py_ssize_t instruction)
{
    if (code != last_code) {
        last_code = NULL;
        last_floors = find_or_make_floors(code);
        last_code = last_floors == NULL ? NULL : code;
    }
    return last_floors == NULL || instruction < 0 ? 0 : last_floors[instruction];
}

/* The JIT may reorder what an instruction does, and keep values of the stack in registers. */
static int
has_jit(void)
{
    PyObject *jit = PySys_GetObject("_jit");
    PyObject *is_enabled = jit == NULL ? Py_NewRef(Py_False)
                                       : PyObject_CallMethod(jit, "is_enabled", NULL);
    int result = is_enabled == NULL ? -1 : PyObject_IsTrue(is_enabled);
    Py_XDECREF(is_enabled);
    return result;
}

int
stack_floor_install(void)
{
    int jit = has_jit();
    if (jit == 0 && extra_index < 0 && opcodes_match()) {
        extra_index = PyUnstable_Eval_RequestCodeExtraIndex(free_floors);     /* if one is left */
    }
    return jit < 0 ? -1 : 0;
}
