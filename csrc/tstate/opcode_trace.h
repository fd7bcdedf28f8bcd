/* frame_instrument for CPython 3.13 and 3.14, which do not export the function that instruments
 * a code object. They call it when the tracing of opcodes is turned on or off, which is possible
 * through a frame object. frames.h and instrument.h come before it. */
#include <internal/pycore_instruments.h>

static inline int
traces_opcodes(PyCodeObject *code)
{
    const int event = PY_MONITORING_EVENT_INSTRUCTION, tool = 1 << PY_MONITORING_SYS_TRACE_ID;
    return code->_co_monitoring != NULL
        && code->_co_monitoring->local_monitors.tools[event] & tool;
}

/* Changes whether the opcodes of a frame's code are traced, and changes it back, even if there
 * was no memory for the first change. So the code is instrumented twice. */
static int
toggle_opcodes(PyFrameObject *object)
{
    PyObject *tracer = object->f_trace;
    PyObject *before = traces_opcodes(_PyFrame_GetCode(object->f_frame)) ? Py_True : Py_False;
    PyObject *other = before == Py_True ? Py_False : Py_True;
    char opcodes = object->f_trace_opcodes;
    object->f_trace = Py_None;      /* without one opcodes are not traced; it is not called */
    int status = PyObject_SetAttrString((PyObject *)object, "f_trace_opcodes", other);
    if (status < 0) {
        PyErr_Clear();
    }
    status |= PyObject_SetAttrString((PyObject *)object, "f_trace_opcodes", before);
    object->f_trace = tracer;
    object->f_trace_opcodes = opcodes;
    return status;
}

static int
frame_instrument(_PyInterpreterFrame *frame, PyThreadState *ts)
{
    if (_PyFrame_GetCode(frame)->_co_instrumentation_version == tstate_instrumentation(ts)) {
        return 0;
    }
    PyObject *thrown = PyErr_GetRaisedException();
    PyFrameObject *object = frame_object(frame, &ts->current_frame, ts);
    int status = 0;
    if (object != NULL) {
        status = toggle_opcodes(object);
    }
    else if (PyErr_Occurred()) {
        status = -1;
    }
    Py_XDECREF(object);
    PyErr_SetRaisedException(thrown);
    return status;
}
