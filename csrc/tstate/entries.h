/* Entry frames, from CPython 3.12 on (gh-96421). The version's file defines ENTRY_FRAME_OWNER
 * before it.
 *
 * Each call of the interpreter from C puts an entry frame on the C stack and into the chain of
 * frames. Frame objects, tracebacks and generators lead into that chain, even while other stacks
 * lie in the entry frame's place, or after the thread has ended. So entry frames are taken out
 * of the chain as long as a greenlet is suspended. They form a list, whose first is the oldest.
 * Each keeps where the link to it was, and the entry frame before it in the list, in fields that
 * only other frames use. */

/* Takes the entry frame at *link out of the chain and puts it before `entries`. Returns it: it
 * is the new first of the list. */
static inline _PyInterpreterFrame *
entry_take(_PyInterpreterFrame **link, _PyInterpreterFrame *entries)
{
    _PyInterpreterFrame *entry = *link;
    entry->f_globals = (PyObject *)link;
    entry->f_builtins = (PyObject *)entries;
    *link = entry->previous;
    return entry;
}

/* Takes all entry frames out of the chain that begins at *link and ends before `last`.
 * Afterwards the chain no longer leads to `last`. At each step a signal handler in C that
 * samples it can follow the chain. */
static inline _PyInterpreterFrame *
entries_hide(_PyInterpreterFrame **link, _PyInterpreterFrame *last)
{
    _PyInterpreterFrame *entries = NULL;
    while (*link != NULL && *link != last) {
        if ((*link)->owner == ENTRY_FRAME_OWNER) {
            entries = entry_take(link, entries);
        }
        else {
            link = &(*link)->previous;
        }
    }
    if (*link != NULL) {
        *link = NULL;
    }
    return entries;
}

/* Puts them back, the last one that was taken first. */
static inline void
entries_show(_PyInterpreterFrame *entries)
{
    while (entries != NULL) {
        *(_PyInterpreterFrame **)entries->f_globals = entries;
        entries = (_PyInterpreterFrame *)entries->f_builtins;
    }
}
