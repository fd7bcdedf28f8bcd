/* tstate_monitored from CPython 3.12 on, where tools use sys.monitoring (PEP 669).
 * tstate_events_version comes before it: a number that changes whenever a tool's events change,
 * and is 0 if there never were any. instrument.h has it, or the version's file. */

/* Whether a tool has events for all code. Those of sys.settrace and sys.setprofile do not count. */
static int
monitoring_is_on(void)
{
    static PyObject *get_events;
    if (get_events == NULL) {
        PyObject *monitoring = PySys_GetObject("monitoring");
        get_events = monitoring == NULL ? NULL : PyObject_GetAttrString(monitoring, "get_events");
    }
    int on = get_events == NULL;    /* if it cannot be asked, there may be some */
    for (int tool = 0; !on && tool < 6; tool++) {
        PyObject *events = PyObject_CallFunction(get_events, "i", tool);
        on = events == NULL || PyObject_IsTrue(events);
        Py_XDECREF(events);
    }
    PyErr_Clear();
    return on;
}

static inline int
tstate_monitored(PyThreadState *ts)
{
    static uint64_t known_version;
    static int on;
    uint64_t version = tstate_events_version(ts);
    if (version != known_version) {
        on = monitoring_is_on();
        known_version = version;
    }
    return on;
}
