#include "stack_floor.h"

#include "../tstate.h"

#include <opcode.h>

enum { FLOORS_MAX = UINT8_MAX - 1 };

/* What each version has: the floors of the `count` instructions of `units`, the code as it was
 * compiled. All are 0 to begin with, and false leaves them so. */
static bool find_floors(PyCodeObject *code, const _Py_CODEUNIT *units, int count, uint8_t *floors);

#include STACK_FLOORS

/* Set in code of the interpreter's own, which may lie in read-only memory. */
#ifndef CO_NO_MONITORING_EVENTS
#  define CO_NO_MONITORING_EVENTS 0
#endif

static Py_ssize_t extra_index = -1;         /* -1 if nothing has a floor */

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

int
stack_floor(PyCodeObject *code, Py_ssize_t instruction)
{
    void *floors = NULL;
    if (extra_index < 0 || instruction < 0 || code->co_flags & CO_NO_MONITORING_EVENTS) {
        return 0;
    }
    if (PyUnstable_Code_GetExtra((PyObject *)code, extra_index, &floors) < 0) {
        PyErr_Clear();
        return 0;
    }
    if (floors == NULL && !PyErr_Occurred()) {
        floors = make_floors(code);
    }
    return floors == NULL ? 0 : ((uint8_t *)floors)[instruction];
}

/* The JIT may reorder what an instruction does, and keep what lies on a stack in registers. */
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
    if (jit == 0 && extra_index < 0) {
        extra_index = PyUnstable_Eval_RequestCodeExtraIndex(PyMem_RawFree);   /* if any is left */
    }
    return jit < 0 ? -1 : 0;
}
