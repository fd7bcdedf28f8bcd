/* Where the GIL notes which thread took it last: see gil.h. */
#include "../tstate.h"

#ifdef SWITCHLIB_GIL_H              /* the version's file includes it */

PyThreadState **gil_holder;

int
gil_find(void)
{
    const _Py_DebugOffsets *table = &_PyRuntime.debug_offsets;
    PyInterpreterState *interpreter = PyInterpreterState_Main();
    uint64_t size = table->interpreter_state.size;
    uint64_t gil = table->interpreter_state.ceval_gil;
    uint64_t own = table->interpreter_state.gil_runtime_state;
    uint64_t holder = table->interpreter_state.gil_runtime_state_holder;
    if (gil > size - sizeof(void *) || own > holder
        || holder > size - sizeof(void *) || holder % _Alignof(void *) != 0
        || *(char **)((char *)interpreter + gil) != (char *)interpreter + own) {
        return 0;
    }
    gil_holder = (PyThreadState **)((char *)interpreter + holder);
    return *gil_holder == PyThreadState_GetUnchecked();
}

#endif
