/* The life of a greenlet on its own stack: run is called, and its outcome is handed on. */
#ifndef SWITCHLIB_LIFE_H
#define SWITCHLIB_LIFE_H

#include "thread.h"

HIDDEN_BEGIN

/* The first function of a new stack, for switchlib_start_stack: the target becomes current,
 * runs, and ends. */
_Noreturn void begin(void *thread);

HIDDEN_END

#endif
