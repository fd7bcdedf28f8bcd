#include "dump.h"

#include "safe_copy.h"

#include <pthread.h>

#define MOST_FRAMES 100

/* --------------------------------------------------------------------------------------- stacks */

static void
put_frame(Output *out, const tstate_frame_entry *entry)
{
    PyCodeObject code;
    if (!safe_copy(&code, entry->code, sizeof code)
        || ((PyObject *)&code)->ob_type != &PyCode_Type) {
        put(out, "  (a frame that cannot be read)\n");
        return;
    }
    int line = tstate_line(&code, entry->instruction, safe_copy);
    put(out, "  File \"");
    put_str(out, code.co_filename);
    put(out, "\", line ");
    if (line >= 0) {
        put_decimal(out, (uint64_t)line);
    }
    else {
        put(out, "???");
    }
    put(out, " in ");
    put_str(out, code.co_name);
    put_char(out, '\n');
}

void
put_frames(Output *out, const void *frame)
{
    tstate_frame_entry entry;
    for (int i = 0; frame != NULL; i++, frame = entry.previous) {
        if (i == MOST_FRAMES) {
            put(out, "  ...\n");
            return;
        }
        if (!tstate_read_frame(frame, safe_copy, &entry)) {
            put(out, "  (a frame that cannot be read)\n");
            return;
        }
        if (entry.code != NULL) {
            put_frame(out, &entry);
        }
    }
}

/* What is known of the thread in whose list a greenlet is. */
typedef struct Home {
    Thread copy;                    /* copy.tstate is NULL for those of ended threads */
    bool is_here;
} Home;

static const char *
state_word(const Greenlet *g, const State *state, const Home *home)
{
    if (state->thread == NULL) {
        return "unstarted";
    }
    if (home->copy.tstate == NULL) {
        return "dead";
    }
    if (home->copy.current == g) {
        return home->is_here ? "current, in this thread" : "current";
    }
    return state->slice.start != NULL ? "suspended" : "dead";
}

static void
put_stack(Output *out, const Greenlet *g, const State *state, const Home *home)
{
    if (state->thread == NULL || home->copy.tstate == NULL) {
        return;
    }
    if (home->copy.current != g) {
        if (state->slice.start != NULL) {
            put_frames(out, state->tstate.frame);
        }
    }
    else if (state->slice.start != NULL || home->copy.target != NULL) {
        put(out, "  (in the middle of a switch)\n");
    }
    else {
        put_frames(out, tstate_running_frame(home->copy.tstate, safe_copy));
    }
}

/* Returns the next in the list. */
static const Greenlet *
put_greenlet(Output *out, const Greenlet *g, const Home *home)
{
    Greenlet object;
    State state;
    if (!safe_copy(&object, g, sizeof object) || !safe_copy(&state, object.state, sizeof state)) {
        put(out, "(a greenlet that cannot be read)\n");
        return NULL;
    }
    const char *name;
    put_address(out, g);
    put_char(out, ' ');
    if (safe_copy(&name, &Py_TYPE(&object)->tp_name, sizeof name)) {
        put_name(out, name);
    }
    put(out, ", ");
    put(out, state_word(g, &state, home));
    if (state.slice.stop == STACK_END) {
        put(out, ", main");
    }
    if (state.parent != NULL) {
        put(out, ", parent ");
        put_address(out, state.parent);
    }
    put_char(out, '\n');
    put_stack(out, g, &state, home);
    return state.next_listed;
}

static void
put_list(Output *out, const Greenlet *first, const Home *home, int *left)
{
    for (const Greenlet *g = first; g != NULL; (*left)--) {
        if (*left <= 0) {
            put(out, "...\n");
            return;
        }
        g = put_greenlet(out, g, home);
    }
}

static void
put_thread(Output *out, const Home *home, int *left)
{
    put(out, "\nGreenlets of thread ");
    unsigned long identity = 0;
    if (safe_copy(&identity, &home->copy.tstate->thread_id, sizeof identity)) {
        put_address(out, (void *)identity);
    }
    put(out, home->is_here ? ", this one" : "");
    put(out, " (most recent call first):\n");
    put_list(out, home->copy.listed, home, left);
}

static bool
is_running_here(const Thread *thread)
{
    unsigned long identity;
    return safe_copy(&identity, &thread->tstate->thread_id, sizeof identity)
        && identity == (unsigned long)pthread_self();
}

void
dump_all(int fd)
{
    Output out = {.fd = fd};
    int greenlets = MOST_GREENLETS, threads = MOST_THREADS;
    put(&out, "All greenlets:\n");
    for (int i = 0; i < THREAD_BUCKETS; i++) {
        const Thread *thread = thread_buckets[i];
        for (Home home; thread != NULL && threads > 0; thread = home.copy.next, threads--) {
            if (!safe_copy(&home.copy, thread, sizeof home.copy)) {
                break;
            }
            home.is_here = is_running_here(&home.copy);
            put_thread(&out, &home, &greenlets);
        }
    }
    if (of_ended_threads != NULL) {
        put(&out, "\nGreenlets of threads that have ended:\n");
        put_list(&out, of_ended_threads, &(Home){0}, &greenlets);
    }
    put(&out, greenlets > 0 ? "\n" : "\nNot all are shown: there are too many.\n\n");
    flush(&out);
}
