/* What the collector found dies soon after it.
 *
 * The collector cannot do it: see collector.h. And its report that it is done comes a little too
 * early: until it is, it counts as being at work, and a `finally` block that goes to another
 * greenlet would switch it off. So the interpreter is asked to make a call between two bytecodes.
 * Such a call comes to the thread concerned if that is the main one; from CPython 3.12 on also to
 * another, if it is the next to look for such calls, as it is if it has called gc.collect(). Until
 * then what was found waits, at the latest until its thread next uses greenlets. */
#ifndef SWITCHLIB_SOON_H
#define SWITCHLIB_SOON_H

#include "thread.h"

HIDDEN_BEGIN

/* Has killed what is in the threads' lists `unreachable`. Runs nothing. */
void kill_soon(void);

HIDDEN_END

#endif
