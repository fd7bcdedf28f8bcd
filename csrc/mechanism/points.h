/* A build for tests (-DSWITCHLIB_POINTS, python -m tests.points): every place of the mechanism
 * where user code may run.
 *
 * Such a place is a call out, an allocation that may let the collector run, an exception that is
 * set or replaced, or a reference that is dropped and may be the last. In this build each of
 * these calls is a macro that first calls `point`, which may call a test's function. It also
 * checks the rule on which the whole mechanism relies: between the check of a target and the
 * switch (while thread->target is set) there is no such place. References that are dropped there
 * must not be the last; drop_shared checks that, too. */
#ifndef SWITCHLIB_POINTS_H
#define SWITCHLIB_POINTS_H

#ifdef SWITCHLIB_POINTS

typedef struct point {
    const char *file, *call;
    int line;
    int reached;
} point;

/* Whether the test's function raised an exception, which is set. Then the call is to fail.
 * `fails` says if it can. */
bool point_reached(point *here, bool fails);

/* For switchlib/_mechanism.py. */
extern PyMethodDef point_functions[];

/* clang-format off */
#define POINT(call, fails) (__extension__({ \
    static point here = {__FILE__, call, __LINE__, 0}; \
    static point *const listed __attribute__((section("switchlib_points"), used)) = &here; \
    point_reached(&here, fails); \
}))
/* clang-format on */
#define OR_NULL(call) (POINT(#call, true) ? NULL : call)
#define OR_MINUS(call) (POINT(#call, true) ? -1 : call)
#define AFTER(call) (POINT(#call, false), call)

static inline void
decref_for_real(PyObject *object)
{
    Py_DECREF(object);
}

#undef Py_DECREF
#undef Py_XDECREF
#define Py_DECREF(op) (POINT("Py_DECREF", false), decref_for_real((PyObject *)(op)))
#define Py_XDECREF(op) \
    (POINT("Py_XDECREF", false), (op) != NULL ? decref_for_real((PyObject *)(op)) : (void)0)

/* May run anything, and fail. */
#define PyTuple_New(...) OR_NULL(PyTuple_New(__VA_ARGS__))
#define PyTuple_Pack(...) OR_NULL(PyTuple_Pack(__VA_ARGS__))
#define PyDict_New() OR_NULL(PyDict_New())
#define PyLong_FromLong(...) OR_NULL(PyLong_FromLong(__VA_ARGS__))
#undef PyObject_GC_NewVar
#define PyObject_GC_NewVar(type, of, n) \
    (POINT("PyObject_GC_NewVar", true) ? NULL : (type *)_PyObject_GC_NewVar(of, n))
#define PyObject_Call(...) OR_NULL(PyObject_Call(__VA_ARGS__))
#define PyObject_Vectorcall(...) OR_NULL(PyObject_Vectorcall(__VA_ARGS__))
#define PyObject_GetAttr(...) OR_NULL(PyObject_GetAttr(__VA_ARGS__))
#define PyDict_SetItem(...) OR_MINUS(PyDict_SetItem(__VA_ARGS__))
#define PyFile_WriteString(...) OR_MINUS(PyFile_WriteString(__VA_ARGS__))
#define PyFile_WriteObject(...) OR_MINUS(PyFile_WriteObject(__VA_ARGS__))

/* May run anything. */
#define PyErr_Restore(...) AFTER(PyErr_Restore(__VA_ARGS__))
#define PyErr_NormalizeException(...) AFTER(PyErr_NormalizeException(__VA_ARGS__))
#define PyErr_SetObject(...) AFTER(PyErr_SetObject(__VA_ARGS__))
#define PyErr_SetString(...) AFTER(PyErr_SetString(__VA_ARGS__))
#define PyErr_Format(...) AFTER(PyErr_Format(__VA_ARGS__))
#define PyErr_NoMemory() AFTER(PyErr_NoMemory())
#define PyErr_WriteUnraisable(...) AFTER(PyErr_WriteUnraisable(__VA_ARGS__))
#define PyErr_Clear() AFTER(PyErr_Clear())
#define PyException_SetTraceback(...) AFTER(PyException_SetTraceback(__VA_ARGS__))
#define PyException_SetContext(...) AFTER(PyException_SetContext(__VA_ARGS__))
#define PyObject_ClearWeakRefs(...) AFTER(PyObject_ClearWeakRefs(__VA_ARGS__))
#define callee_of(...) AFTER(callee_of(__VA_ARGS__))
#define tstate_abandon(...) AFTER(tstate_abandon(__VA_ARGS__))
#define tstate_clear(...) AFTER(tstate_clear(__VA_ARGS__))
#define tstate_frame(...) AFTER(tstate_frame(__VA_ARGS__))

#endif

/* Drops a reference that is not the last, or NULL: nothing runs. */
static inline void
drop_shared(void *object)
{
#ifdef SWITCHLIB_POINTS
    if (object != NULL && Py_REFCNT((PyObject *)object) < 2) {
        Py_FatalError("switchlib: a reference that was not to be the last is");
    }
    if (object != NULL) {
        decref_for_real(object);
    }
#else
    Py_XDECREF((PyObject *)object);
#endif
}

/* Drops a reference that may be the last, but to something whose end runs nothing. */
static inline void
drop_quietly(PyObject *object)
{
#ifdef SWITCHLIB_POINTS
    decref_for_real(object);
#else
    Py_DECREF(object);
#endif
}

#endif
