/* Entry frames, from CPython 3.12 on (gh-96421). The version's file defines ENTRY_FRAME_OWNER
 * before it.
 *
 * Each call of the interpreter from C puts an entry frame on the C stack and into the chain of
 * frames. Frame objects, tracebacks and generators lead into that chain, also while other stacks
 * lie in the entry frame's place, or when the thread is no more. So entry frames are taken out of
 * it for as long as a greenlet is suspended. Each keeps, in fields that only other frames use,
 * where the link to it was and the entry frame before it in the list, whose first is the oldest. */

/* Takes the entry frame at *link out of the chain and puts it before `entries`; returns it, the
 * list's new first. */
static inline _PyInterpreterFrame *
entry_take(_PyInterpreterFrame **link, _PyInterpreterFrame *entries)
{
    _PyInterpreterFrame *entry = *link;
    entry->f_globals = (PyObject *)link;
    entry->f_builtins = (PyObject *)entries;
    *link = entry->previous;
    return entry;
}

/* Takes all out of the chain that begins at *link and ends before `last`, which the chain then no
 * longer leads to. At each step it can be followed, by a signal handler in C that samples it. */
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

/* Puts them back, the last that was taken first. */
static inline void
entries_show(_PyInterpreterFrame *entries)
{
    while (entries != NULL) {
        *(_PyInterpreterFrame **)entries->f_globals = entries;
        entries = (_PyInterpreterFrame *)entries->f_builtins;
    }
}
