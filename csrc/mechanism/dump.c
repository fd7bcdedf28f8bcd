#include "dump.h"

#include "safe_copy.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

/* Lists that change while they are followed may never end. */
#define MOST_THREADS 10000
#define MOST_GREENLETS 10000
#define MOST_FRAMES 100
#define MOST_CHARACTERS 500

/* -------------------------------------------------------------------------------------- writing */

typedef struct Output {
    int fd;
    size_t used;
    char text[256];
} Output;

static void
flush(Output *out)
{
    const char *next = out->text;
    while (out->used > 0) {
        ssize_t written = write(out->fd, next, out->used);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            break;
        }
        next += written;
        out->used -= (size_t)written;
    }
    out->used = 0;
}

static void
put_char(Output *out, char character)
{
    if (out->used == sizeof out->text) {
        flush(out);
    }
    out->text[out->used++] = character;
}

static void
put(Output *out, const char *text)
{
    for (; *text != '\0'; text++) {
        put_char(out, *text);
    }
}

static void
put_hex(Output *out, uintptr_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        put_char(out, "0123456789abcdef"[number >> (4 * i) & 15]);
    }
}

static void
put_address(Output *out, const void *address)
{
    put(out, "0x");
    put_hex(out, (uintptr_t)address, 2 * sizeof(void *));
}

static void
put_decimal(Output *out, int number)
{
    char digits[12];
    int count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        put_char(out, digits[--count]);
    }
}

/* As faulthandler writes it: what is not printable ASCII by its number. */
static void
put_character(Output *out, Py_UCS4 character)
{
    if (character >= ' ' && character < 127) {
        put_char(out, (char)character);
    }
    else if (character < 256) {
        put(out, "\\x");
        put_hex(out, character, 2);
    }
    else if (character < 65536) {
        put(out, "\\u");
        put_hex(out, character, 4);
    }
    else {
        put(out, "\\U");
        put_hex(out, character, 8);
    }
}

/* The C string at an address. */
static void
put_name(Output *out, const char *name)
{
    char piece[32];
    int size = (int)sizeof piece;
    for (int i = 0; i < MOST_CHARACTERS; i++) {
        int at = i % size;
        if (at == 0 && size > 1 && !safe_copy(piece, name + i, (size_t)size)) {
            size = 1;               /* it may end just before what cannot be read */
        }
        if (size == 1 && !safe_copy(piece, name + i, 1)) {
            break;
        }
        char character = piece[size == 1 ? 0 : at];
        if (character == '\0') {
            return;
        }
        put_character(out, (unsigned char)character);
    }
    put(out, "...");
}

static void
put_str(Output *out, const PyObject *object)
{
    PyASCIIObject str;
    if (!safe_copy(&str, object, sizeof str) || str.ob_base.ob_type != &PyUnicode_Type
        || !str.state.compact || str.state.kind == 0) {
        put(out, "???");
        return;
    }
    size_t width = str.state.kind;
    const char *next = (const char *)object
        + (str.state.ascii ? sizeof(PyASCIIObject) : sizeof(PyCompactUnicodeObject));
    Py_ssize_t left = Py_MIN(str.length, MOST_CHARACTERS);
    while (left > 0) {
        union {
            uint8_t one[64];
            uint16_t two[32];
            uint32_t four[16];
        } piece;
        Py_ssize_t count = Py_MIN(left, (Py_ssize_t)(sizeof piece / width));
        if (!safe_copy(&piece, next, (size_t)count * width)) {
            break;
        }
        for (Py_ssize_t i = 0; i < count; i++) {
            put_character(out, width == 1 ? piece.one[i] : width == 2 ? piece.two[i]
                                                                      : piece.four[i]);
        }
        next += (size_t)count * width;
        left -= count;
    }
    if (left > 0 || str.length > MOST_CHARACTERS) {
        put(out, "...");
    }
}

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
        put_decimal(out, line);
    }
    else {
        put(out, "???");
    }
    put(out, " in ");
    put_str(out, code.co_name);
    put_char(out, '\n');
}

static void
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
