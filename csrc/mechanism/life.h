/* The life of a greenlet on its own stack: run is called, and what comes of it is handed on. */
#ifndef SWITCHLIB_LIFE_H
#define SWITCHLIB_LIFE_H

#include "thread.h"

HIDDEN_BEGIN

/* What a stack begins with, for switchlib_start_stack: the target becomes current, runs, and
 * ends. */
_Noreturn void begin(void *thread);

HIDDEN_END

#endif
