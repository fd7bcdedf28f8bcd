#include "marks.h"

/* The greenlets in which something is marked, all borrowed. */
static Greenlet **marked;
static size_t count, room;

static int
stop_here(PyObject *Py_UNUSED(generator), void *Py_UNUSED(arg))
{
    return 1;
}

static int
set_finalized(PyObject *generator, void *flag)
{
    tstate_set_finalized(generator, flag != NULL);
    return 0;
}

static bool
make_room(void)
{
    if (count == room) {
        size_t more = room == 0 ? 16 : room * 2;
        Greenlet **larger = PyMem_RawRealloc(marked, more * sizeof *marked);
        if (larger == NULL) {
            return false;
        }
        marked = larger;
        room = more;
    }
    return true;
}

static void
note_whether_there_are_marks(void)
{
    if (there_are_marks != (count > 0)) {
        there_are_marks = count > 0;
        update_all_fast_tstates();
    }
}

bool
mark_generators(Greenlet *g)
{
    State *state = g->state;
    if (state->is_marked || tstate_visit_generators(&state->tstate, stop_here, NULL) == 0
        || !tstate_collecting(tstate_get())) {
        return true;
    }
    if (!make_room()) {
        return false;
    }
    marked[count++] = g;
    state->is_marked = true;
    tstate_visit_generators(&state->tstate, set_finalized, &marked);
    note_whether_there_are_marks();
    return true;
}

/* A generator that had been finalised before may be finalised again: it has come back to life
 * since. */
static void
take_marks_off(Greenlet *g)
{
    g->state->is_marked = false;
    tstate_visit_generators(&g->state->tstate, set_finalized, NULL);
}

void
unmark_generators(Greenlet *g)
{
    if (likely(!g->state->is_marked)) {
        return;
    }
    take_marks_off(g);
    size_t i = count - 1;
    while (marked[i] != g) {
        i--;
    }
    marked[i] = marked[--count];
    note_whether_there_are_marks();
}

void
unmark_all_generators(void)
{
    while (count > 0) {
        take_marks_off(marked[--count]);
    }
    PyMem_RawFree(marked);
    marked = NULL;
    room = 0;
    note_whether_there_are_marks();
}

void
seal_generators(Greenlet *g)
{
    unmark_generators(g);
    tstate_visit_generators(&g->state->tstate, set_finalized, &marked);
}
