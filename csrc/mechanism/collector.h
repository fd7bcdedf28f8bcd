/* In which greenlet the collector stands.
 *
 * Its lists of objects begin in its own C frames. If another stack lay there, an object of such
 * a list that died would unlink itself from what lies there now. So while the collector stands
 * in the current greenlet nothing is killed. But a finaliser that it calls may switch to another
 * greenlet, and stay away: from then on those frames are overwritten anyway, and what others
 * drop is killed as ever. (What the collector itself found waits until it is done.) */
#ifndef SWITCHLIB_COLLECTOR_H
#define SWITCHLIB_COLLECTOR_H

#include "thread.h"

HIDDEN_BEGIN

/* Listens to gc.callbacks. `over` is called at the end of each collection after which something is
 * to be done (collector_leaves_work). -1 with an exception set if that fails. */
int collector_listen(PyObject *module_name, void (*over)(void));

/* Something is to be done when the collection is over: `over` is called then, or at once if nobody
 * will report it. */
void collector_leaves_work(void);

/* Whether the collector stands in the greenlet that runs. `running` is the thread that runs,
 * NULL if it has none yet. */
bool collector_is_here(const Thread *running);

HIDDEN_END

#endif
