/* Kills what the collector found, soon after the collection.
 *
 * The collector cannot do it: see collector.h. And its report that it is done comes a little too
 * early. Until it really is, the interpreter counts as collecting, and a `finally` block that
 * goes to another greenlet would switch the collector off. So the interpreter is asked to make a
 * call between two bytecodes. If the thread concerned is the main one, it gets this call. From
 * CPython 3.12 on another thread may get it, too, if it is the next to look for such calls; a
 * thread that has called gc.collect() is. Until then what was found waits, at the latest until
 * its thread next uses greenlets. */
#ifndef SWITCHLIB_SOON_H
#define SWITCHLIB_SOON_H

#include "thread.h"

HIDDEN_BEGIN

/* Arranges that what is in the threads' lists `unreachable` is killed soon. Runs nothing. */
void kill_soon(void);

HIDDEN_END

#endif
