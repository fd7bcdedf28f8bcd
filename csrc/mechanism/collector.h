/* In which greenlet the collector is running.
 *
 * The collector's lists of objects begin in its own C frames. If these were overwritten by
 * another stack, an object of such a list that died then would unlink itself from whatever lies
 * there. So while the collector runs in the current greenlet, nothing is killed. But a finaliser
 * that the collector calls may switch to another greenlet, and not come back. From then on those
 * frames are overwritten anyway, and what others drop is killed as usual. (What the collector
 * itself found waits until the collector is done.) */
#ifndef SWITCHLIB_COLLECTOR_H
#define SWITCHLIB_COLLECTOR_H

#include "thread.h"

HIDDEN_BEGIN

/* Listens to gc.callbacks. `over` is called at the end of each collection that has left work
 * (collector_leaves_work). -1 with an exception set if that fails. */
int collector_listen(PyObject *module_name, void (*over)(void));

/* There is something to do when the collection is over. `over` is called then, or at once if
 * nothing will report the end of the collection. */
void collector_leaves_work(void);

/* Whether the collector runs in the current greenlet. `running` is the running thread; NULL if
 * it has used no greenlets yet. */
bool collector_is_here(const Thread *running);

HIDDEN_END

#endif
