#include "timeline.h"

#include "safe_copy.h"

#include <sys/mman.h>
#include <time.h>

/* The numbers that switchlib/_timeline/recording.py knows. */
typedef enum Kind {
    CREATE,
    START,
    SWITCH,
    THROW,
    END,
    FREE,                           /* without an end: it never started, or its thread had ended */
    MARK,
    THREAD_BEGIN,
    THREAD_END
} Kind;

typedef struct Record {
    uint64_t time;                  /* ns of CLOCK_MONOTONIC, as time.monotonic_ns() has it */
    uint32_t greenlet;              /* that is about to run; that is made, ends, or is marked */
    uint32_t origin;                /* that was left, or makes it */
    uint32_t kind : 8;
    uint32_t thread : 24;
    uint32_t code;                  /* where it is resumed; where it is made. 0 for none. */
    int32_t instruction;            /* in the code: its offset in bytes */
    uint32_t detail;                /* END, FREE, THREAD_END: the name; MARK: the text; otherwise
                                       the label of what arrives. 0 for none. */
} Record;

/* What is known of a greenlet that has a number, at `state->timeline_slot` in a table. */
typedef struct Slot {
    uint32_t number;                /* 0 if the slot is free; no other greenlet gets it */
    uint32_t name;                  /* 0 until the greenlet runs */
    uint32_t next_free;
    bool has_ended;
    uint8_t loop;                   /* a Loop */
} Slot;

/* Of all greenlets with one name. */
typedef struct Statistics {
    uint64_t arrivals;
    uint64_t ran;                   /* ns */
    uint64_t longest;               /* ns: the longest stretch between two switches */
} Statistics;

typedef struct Stretch {
    uint64_t length, begin;         /* ns */
    uint32_t greenlet, name, thread;
} Stretch;

typedef struct Table {
    void *entries;
    uint32_t count, room;           /* the first entry, number 0, stands for none */
} Table;

#define LONGEST 10
#define LABELLED 1024               /* values whose labels are remembered: a power of two */
#define PLACES_UP 16                /* frames of a library that are passed over */

/* The GIL protects it. */
static struct {
    bool on;
    uint32_t session;               /* so that what was begun in an earlier one is noticed */
    Record *ring;                   /* NULL if arrivals are only counted */
    size_t room, count;             /* room is a power of two; count is of all there ever were */
    uint32_t last_number, last_thread, free_slot;
    uint64_t begin;
    Table slots, statistics;
    PyObject *names, *number_of_name;   /* a list, and the other way round */
    PyObject *name_greenlet, *name_thread;  /* functions of Python */
    PyObject *libraries;            /* a tuple: parts of the paths of their files */
    PyObject *codes;                /* a list: so that no other gets the address of one */
    struct Known {
        PyCodeObject *code;
        uint32_t number;            /* 0 if it is a library's, whose callers are of interest */
    } *known;                       /* a hash table of codes */
    uint32_t known_room;
    bool has_labels;
    struct Labelled {
        PyObject *value;            /* owned */
        uint32_t label;
    } labelled[LABELLED];
    Stretch longest[LONGEST];       /* the longest first */
} recorder;

struct TimelineTotals timeline_totals;

static inline uint64_t
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline Record *
add_record(Kind kind, uint64_t time, const Thread *thread)
{
    Record *record = &recorder.ring[recorder.count++ & (recorder.room - 1)];
    record->time = time;
    record->kind = kind;
    record->thread = thread->timeline_number;
    return record;
}

/* One without a place or an origin. */
static inline void
add_plain_record(Kind kind, uint64_t time, const Thread *thread, uint32_t greenlet,
                 uint32_t detail)
{
    Record *record = add_record(kind, time, thread);
    record->greenlet = greenlet;
    record->origin = 0;
    record->code = 0;
    record->detail = detail;
}

/* --------------------------------------------------------------------------------------- tables */

/* The number of a new entry, which is zeroed; 0 if there is no memory. */
static uint32_t
table_add(Table *table, size_t size)
{
    if (table->count == table->room) {
        uint32_t room = table->room == 0 ? 256 : table->room * 2;
        void *entries = room < table->room ? NULL : PyMem_Realloc(table->entries, room * size);
        if (entries == NULL) {
            return 0;
        }
        table->entries = entries;
        table->room = room;
    }
    memset((char *)table->entries + table->count * size, 0, size);
    return table->count++;
}

static inline Slot *
slot_at(uint32_t number)
{
    return (Slot *)recorder.slots.entries + number;
}

static inline Statistics *
statistics_of(uint32_t name)
{
    return (Statistics *)recorder.statistics.entries + name;
}

/* The number of a name, a label or a text. 0 if there is no memory. Runs nothing. */
static uint32_t
name_number(PyObject *text)
{
    PyObject *known = PyDict_GetItem(recorder.number_of_name, text);
    if (known != NULL) {
        return (uint32_t)PyLong_AsUnsignedLong(known);
    }
    PyObject *number = PyLong_FromUnsignedLong(recorder.statistics.count);
    bool added = number != NULL && PyDict_SetItem(recorder.number_of_name, text, number) == 0
        && PyList_Append(recorder.names, text) == 0;
    Py_XDECREF(number);
    if (!added) {
        PyErr_Clear();
        return 0;
    }
    return table_add(&recorder.statistics, sizeof(Statistics));
}

/* Gives a greenlet a slot and a number. Without memory it gets the first slot, whose number is
 * 0. */
static __attribute__((noinline)) Slot *
give_slot(Greenlet *g)
{
    uint32_t at = recorder.free_slot;
    if (at != 0) {
        recorder.free_slot = slot_at(at)->next_free;
    }
    else {
        at = table_add(&recorder.slots, sizeof(Slot));
    }
    if (at != 0) {
        *slot_at(at) = (Slot){.number = ++recorder.last_number};
        g->state->timeline_slot = at;
        g->state->is_recorded = true;
    }
    return slot_at(at);
}

static inline Slot *
slot_of(Greenlet *g)
{
    uint32_t at = g->state->timeline_slot;
    return likely(at != 0) ? slot_at(at) : give_slot(g);
}

/* ---------------------------------------------------------------------------------------- names */

/* Whether the file of a code object is that of a library that is passed over. Runs nothing. */
static bool
is_of_library(const PyCodeObject *code)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(recorder.libraries); i++) {
        PyObject *folder = PyTuple_GET_ITEM(recorder.libraries, i);
        if (PyUnicode_Find(code->co_filename, folder, 0, PY_SSIZE_T_MAX, 1) >= 0) {
            return true;
        }
    }
    return false;
}

/* The name of a run that is a function or a method: its __qualname__. NULL if it is neither, or is
 * a library's, or if the greenlet may have a name of its own. Runs nothing. */
static PyObject *
name_of_run(const Greenlet *g)
{
    PyObject *run = begun_run(g->state);
    if (run != NULL && PyMethod_Check(run)) {
        run = PyMethod_GET_FUNCTION(run);
    }
    bool may_have_name = Py_TYPE(g) != Public || (g->dict != NULL && PyDict_GET_SIZE(g->dict) > 0);
    if (may_have_name || run == NULL || !PyFunction_Check(run)
        || is_of_library((PyCodeObject *)PyFunction_GET_CODE(run))) {
        return NULL;
    }
    return ((PyFunctionObject *)run)->func_qualname;
}

/* Asks a function of Python: a new reference, or NULL, without an exception, if that fails or the
 * recorder is another one now. Keeps the exception that is set. While the function runs, the
 * thread cannot switch. */
static PyObject *
ask_python(Thread *thread, PyObject *function, PyObject *const *args, size_t nargs)
{
    if (thread->is_reporting || tstate_finalizing()) {
        return NULL;
    }
    uint32_t session = recorder.session;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    Py_INCREF(function);
    thread_begin_report(thread);
    PyObject *answer = PyObject_Vectorcall(function, args, nargs, NULL);
    if (answer == NULL) {
        PyErr_WriteUnraisable(function);
    }
    thread_end_report(thread);
    Py_DECREF(function);
    PyErr_Restore(type, value, traceback);
    if (answer != NULL && !(recorder.on && recorder.session == session)) {
        release(answer);
        answer = NULL;
    }
    return answer;
}

/* A greenlet that starts has arguments, otherwise they are NULL. */
static void
name_greenlet(Thread *thread, Greenlet *g, PyObject *arguments)
{
    PyObject *known = name_of_run(g), *args[] = {(PyObject *)g, arguments};
    if (known != NULL) {
        slot_of(g)->name = name_number(known);
        return;
    }
    PyObject *answer = ask_python(thread, recorder.name_greenlet, args, arguments == NULL ? 1 : 2);
    if (answer != NULL && PyTuple_CheckExact(answer) && PyTuple_GET_SIZE(answer) == 2
        && PyUnicode_CheckExact(PyTuple_GET_ITEM(answer, 0))
        && PyLong_CheckExact(PyTuple_GET_ITEM(answer, 1))) {
        uint32_t name = name_number(PyTuple_GET_ITEM(answer, 0));
        long loop = PyLong_AsLong(PyTuple_GET_ITEM(answer, 1));
        Slot *slot = slot_of(g);
        slot->name = name;
        slot->loop = loop < 0 || loop > LOOP_THAT_SLEEPS ? NO_LOOP : (uint8_t)loop;
    }
    release(answer);
}

static void
name_thread(Thread *thread)
{
    thread->timeline_number = ++recorder.last_thread;
    thread->timeline_name = 0;
    if (recorder.ring != NULL && thread->arrived_at != recorder.begin) {
        add_plain_record(THREAD_BEGIN, thread->arrived_at, thread, 0, 0);
    }
    PyObject *ident = PyLong_FromUnsignedLong(thread->ident);
    if (ident == NULL) {
        PyErr_Clear();
        return;
    }
    PyObject *answer = ask_python(thread, recorder.name_thread, &ident, 1);
    if (answer != NULL && PyUnicode_CheckExact(answer)) {
        thread->timeline_name = name_number(answer);
    }
    release(answer);
    Py_DECREF(ident);
}

/* Whether there is something that has to be named first. */
static inline bool
is_new(const Thread *thread, const Greenlet *g)
{
    const State *state = g->state;
    return thread->timeline_number == 0 || state->timeline_slot == 0
        || slot_at(state->timeline_slot)->name == 0;
}

/* False if the recorder has stopped meanwhile, or was started anew. */
static __attribute__((noinline)) bool
meet(Thread *thread, Greenlet *g, PyObject *arguments)
{
    uint32_t session = recorder.session;
    if (thread->timeline_number == 0) {
        name_thread(thread);
    }
    if (recorder.on && recorder.session == session && slot_of(g)->name == 0) {
        name_greenlet(thread, g, arguments);
    }
    return recorder.on && recorder.session == session;
}

/* --------------------------------------------------------------------------------------- places */

static inline bool
copy(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    return true;
}

static inline struct Known *
known_at(const PyCodeObject *code)
{
    uint32_t at = (uint32_t)((uintptr_t)code >> 4) * 2654435769u;
    for (;; at++) {
        struct Known *known = &recorder.known[at & (recorder.known_room - 1)];
        if (known->code == code || known->code == NULL) {
            return known;
        }
    }
}

static bool
known_grow(void)
{
    uint32_t room = recorder.known_room == 0 ? 1024 : recorder.known_room * 2;
    struct Known *before = recorder.known, *after = PyMem_Calloc(room, sizeof *after);
    if (after == NULL) {
        return false;
    }
    uint32_t former = recorder.known_room;
    recorder.known = after;
    recorder.known_room = room;
    for (uint32_t i = 0; i < former; i++) {
        if (before[i].code != NULL) {
            *known_at(before[i].code) = before[i];
        }
    }
    PyMem_Free(before);
    return true;
}

/* A code object that is seen for the first time. It is kept. */
static __attribute__((noinline)) uint32_t
add_code(PyCodeObject *code)
{
    Py_ssize_t count = PyList_GET_SIZE(recorder.codes);
    if ((size_t)count * 2 >= recorder.known_room && !known_grow()) {
        return 0;
    }
    if (PyList_Append(recorder.codes, (PyObject *)code) < 0) {
        PyErr_Clear();
        return 0;
    }
    uint32_t number = is_of_library(code) ? 0 : (uint32_t)count + 1;
    *known_at(code) = (struct Known){code, number};
    return number;
}

/* Where the thread stands: in the innermost frame that is no library's. Runs nothing. */
static inline void
add_place(Record *record, PyThreadState *ts)
{
    tstate_frame_entry entry;
    record->code = 0;
    record->instruction = 0;
    const void *frame = tstate_running_frame(ts, copy);
    for (int i = 0; frame != NULL && i < PLACES_UP; i++, frame = entry.previous) {
        tstate_read_frame(frame, copy, &entry);
        if (entry.code == NULL) {
            continue;
        }
        struct Known *known = known_at(entry.code);
        uint32_t number = likely(known->code != NULL) ? known->number : add_code(entry.code);
        if (likely(number != 0)) {
            record->code = number;
            record->instruction = entry.instruction;
            return;
        }
    }
}

/* --------------------------------------------------------------------------------------- labels */

static inline struct Labelled *
labelled_at(const PyObject *value)
{
    return &recorder.labelled[((uintptr_t)value >> 4) % LABELLED];
}

static inline uint32_t
label_of(const PyObject *value)
{
    if (likely(!recorder.has_labels)) {
        return 0;
    }
    const struct Labelled *labelled = labelled_at(value);
    return labelled->value == value ? labelled->label : 0;
}

/* --------------------------------------------------------------------------------------- events */

static __attribute__((noinline)) void
add_longest(Stretch stretch)
{
    Stretch *longest = recorder.longest;
    int i = LONGEST - 1;
    for (; i > 0 && longest[i - 1].length < stretch.length; i--) {
        longest[i] = longest[i - 1];
    }
    longest[i] = stretch;
}

/* The greenlet ran until now. */
static inline void
count_stretch(Thread *thread, const Slot *slot, uint64_t time)
{
    uint64_t begin = thread->arrived_at, length = time - begin;
    Statistics *statistics = statistics_of(slot->name);
    thread->arrived_at = time;
    statistics->ran += length;
    if (unlikely(length > statistics->longest)) {
        statistics->longest = length;
    }
    if (unlikely(length > recorder.longest[LONGEST - 1].length && slot->loop == NO_LOOP)) {
        add_longest((Stretch){length, begin, slot->number, slot->name, thread->timeline_number});
    }
}

static inline bool
has_ended(const Greenlet *g)
{
    return g->state->slice.start == NULL && !is_current(g);
}

static __attribute__((noinline)) void
add_end(const Thread *thread, Slot *slot, uint64_t time)
{
    slot->has_ended = true;
    timeline_totals.ended++;
    if (recorder.ring != NULL) {
        add_plain_record(END, time, thread, slot->number, slot->name);
    }
}

static inline Kind
kind_of(Event event)
{
    return event == SWITCHED ? SWITCH : event == STARTED ? START
                                                         : THROW;
}

void
timeline_arrival(Thread *thread, Event event, Greenlet *origin, PyObject *payload)
{
    Greenlet *target = thread->current;
    thread->arrivals++;
    timeline_totals.arrivals++;
    uint64_t time = recorder.ring == NULL ? 0 : now();
    if (unlikely(is_new(thread, origin)) && !meet(thread, origin, NULL)) {
        return;
    }
    PyObject *arguments = event == STARTED ? payload : NULL;
    if (unlikely(is_new(thread, target)) && !meet(thread, target, arguments)) {
        return;
    }
    Slot *from = slot_of(origin), *to = slot_of(target);
    statistics_of(to->name)->arrivals++;
    if (unlikely(has_ended(origin))) {
        add_end(thread, from, time);
    }
    if (recorder.ring == NULL) {
        return;
    }
    count_stretch(thread, from, time);
    Record *record = add_record(kind_of(event), time, thread);
    record->greenlet = to->number;
    record->origin = from->number;
    record->detail = label_of(payload);
    add_place(record, thread->tstate);
}

void
timeline_creation(Thread *thread, Greenlet *made)
{
    if (unlikely(is_new(thread, thread->current)) && !meet(thread, thread->current, NULL)) {
        return;
    }
    timeline_totals.created++;
    uint32_t number = slot_of(made)->number;
    if (recorder.ring != NULL) {
        Record *record = add_record(CREATE, now(), thread);
        record->greenlet = number;
        record->origin = slot_of(thread->current)->number;
        record->detail = 0;
        add_place(record, thread->tstate);
    }
}

void
timeline_forget(const State *state)
{
    if (!state->is_recorded) {
        return;
    }
    Slot *slot = slot_at(state->timeline_slot);
    if (recorder.on && recorder.ring != NULL && !slot->has_ended) {
        add_plain_record(FREE, now(), last_thread, slot->number, slot->name);
    }
    *slot = (Slot){.next_free = recorder.free_slot};
    recorder.free_slot = state->timeline_slot;
}

void
timeline_thread_begin(Thread *thread)
{
    thread->arrived_at = recorder.on ? now() : 0;
}

void
timeline_thread_end(const Thread *thread)
{
    if (recorder.on && recorder.ring != NULL && thread->timeline_number != 0) {
        add_plain_record(THREAD_END, now(), thread, (uint32_t)thread->native_id,
                         thread->timeline_name);
    }
}

/* ---------------------------------------------------------------------------------- on, and off */

/* Calls a function for each greenlet there is. It may run nothing. */
static void
for_each_greenlet(void (*function)(Greenlet *))
{
    for (const Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        for (Greenlet *g = thread->listed; g != NULL; g = g->state->next_listed) {
            function(g);
        }
    }
    for (Greenlet *g = of_ended_threads; g != NULL; g = g->state->next_listed) {
        function(g);
    }
}

static void
take_slot_away(Greenlet *g)
{
    g->state->timeline_slot = 0;
    g->state->is_recorded = false;
}

static void
name_unstarted(Greenlet *g)
{
    if (g->state->timeline_slot != 0 && slot_at(g->state->timeline_slot)->name == 0) {
        PyObject *name = name_of_run(g);
        slot_at(g->state->timeline_slot)->name = name == NULL ? 0 : name_number(name);
    }
}

static size_t
ring_bytes(void)
{
    return recorder.room * sizeof(Record);
}

static void
turn_off(void)
{
    recorder.on = false;
    watched_events &= ~RECORDED_EVENTS;
    update_all_fast_tstates();
}

/* Drops the references. May run anything. */
static void
release_labelled(const struct Labelled *labelled)
{
    for (int i = 0; i < LABELLED; i++) {
        Py_XDECREF(labelled[i].value);
    }
}

/* Forgets all. May run anything. */
static void
clear_recorder(void)
{
    turn_off();
    for_each_greenlet(take_slot_away);
    if (recorder.ring != NULL) {
        munmap(recorder.ring, ring_bytes());
    }
    PyMem_Free(recorder.slots.entries);
    PyMem_Free(recorder.statistics.entries);
    PyMem_Free(recorder.known);
    PyObject *references[] = {recorder.names, recorder.number_of_name, recorder.codes,
                              recorder.name_greenlet, recorder.name_thread, recorder.libraries};
    struct Labelled labelled[LABELLED];
    memcpy(labelled, recorder.labelled, sizeof labelled);
    uint32_t session = recorder.session;
    memset(&recorder, 0, sizeof recorder);
    recorder.session = session + 1;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(references); i++) {
        Py_XDECREF(references[i]);
    }
    release_labelled(labelled);
}

static bool
give_ring(size_t records)
{
    recorder.room = 1;
    while (recorder.room < records) {
        recorder.room *= 2;
    }
    void *memory = mmap(NULL, ring_bytes(), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    recorder.ring = memory == MAP_FAILED ? NULL : memory;
    return recorder.ring != NULL;
}

/* False, maybe with an exception, if there is no memory. */
static bool
make_tables(PyObject *name_greenlet, PyObject *name_thread, PyObject *libraries)
{
    recorder.names = PyList_New(0);
    recorder.number_of_name = PyDict_New();
    recorder.codes = PyList_New(0);
    PyObject *none = PyUnicode_FromString("");
    bool made = recorder.names != NULL && recorder.number_of_name != NULL && recorder.codes != NULL
        && none != NULL && PyList_Append(recorder.names, none) == 0 && known_grow();
    Py_XDECREF(none);
    recorder.name_greenlet = Py_NewRef(name_greenlet);
    recorder.name_thread = Py_NewRef(name_thread);
    recorder.libraries = Py_NewRef(libraries);
    /* The first entry of each, number 0. */
    table_add(&recorder.slots, sizeof(Slot));
    table_add(&recorder.statistics, sizeof(Statistics));
    return made && recorder.slots.count > 0 && recorder.statistics.count > 0;
}

/* Turns the recorder on, or adds the ring to one that counts already. */
static void
begin_recording(void)
{
    recorder.begin = now();
    for (Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        if (!recorder.on) {
            thread->timeline_number = thread->timeline_name = 0;
        }
        thread->arrived_at = recorder.begin;
    }
    if (!recorder.on) {
        timeline_totals = (struct TimelineTotals){0};
        recorder.on = true;
        watched_events |= RECORDED_EVENTS;
        update_all_fast_tstates();
    }
}

PyObject *
timeline_start(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_ssize_t records;
    PyObject *name_greenlet, *name_thread, *libraries;
    if (!PyArg_ParseTuple(args, "nOOO!:timeline_start", &records, &name_greenlet, &name_thread,
                          &PyTuple_Type, &libraries)) {
        return NULL;
    }
    if (recorder.on && (recorder.ring != NULL || records == 0)) {
        PyErr_SetString(PyExc_RuntimeError, "a timeline is being recorded already");
        return NULL;
    }
    if (records < 0 || records > PY_SSIZE_T_MAX / 2 / (Py_ssize_t)sizeof(Record)) {
        PyErr_SetString(PyExc_ValueError, "the number of records is out of range");
        return NULL;
    }
    if (!recorder.on && !make_tables(name_greenlet, name_thread, libraries)) {
        clear_recorder();
        return PyErr_NoMemory();
    }
    if (records > 0 && !give_ring((size_t)records)) {
        if (!recorder.on) {
            clear_recorder();
        }
        return PyErr_NoMemory();
    }
    begin_recording();
    Py_RETURN_NONE;
}

/* The records, the oldest first. */
static PyObject *
take_records(void)
{
    size_t kept = Py_MIN(recorder.count, recorder.room);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(kept * sizeof(Record)));
    if (bytes != NULL && kept > 0) {
        size_t first = (recorder.count - kept) & (recorder.room - 1);
        size_t until_end = Py_MIN(kept, recorder.room - first);
        char *to = PyBytes_AS_STRING(bytes);
        memcpy(to, recorder.ring + first, until_end * sizeof(Record));
        memcpy(to + until_end * sizeof(Record), recorder.ring, (kept - until_end) * sizeof(Record));
    }
    return bytes;
}

static PyObject *
take_table(const Table *table, size_t size)
{
    return PyBytes_FromStringAndSize(table->entries, (Py_ssize_t)(table->count * size));
}

/* (number, native id, name) of each thread that has not ended. */
static PyObject *
take_threads(void)
{
    PyObject *list = PyList_New(0);
    for (const Thread *thread = NULL; list != NULL && (thread = thread_after(thread)) != NULL;) {
        if (thread->timeline_number == 0) {
            continue;
        }
        PyObject *entry = Py_BuildValue("kkkK", (unsigned long)thread->timeline_number,
                                        thread->native_id, (unsigned long)thread->timeline_name,
                                        (unsigned long long)thread->arrivals);
        if (entry == NULL || PyList_Append(list, entry) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(entry);
    }
    return list;
}

/* Forgets the ring, and goes on counting. May run anything. */
static void
count_on(void)
{
    struct Labelled labelled[LABELLED];
    memcpy(labelled, recorder.labelled, sizeof labelled);
    memset(recorder.labelled, 0, sizeof recorder.labelled);
    recorder.has_labels = false;
    munmap(recorder.ring, ring_bytes());
    recorder.ring = NULL;
    recorder.room = recorder.count = 0;
    memset(recorder.longest, 0, sizeof recorder.longest);
    recorder.on = true;
    watched_events |= RECORDED_EVENTS;
    update_all_fast_tstates();
    release_labelled(labelled);
}

/* A dict of all that was recorded. If it is not to count on, the recorder forgets it. */
PyObject *
timeline_stop(PyObject *Py_UNUSED(module), PyObject *counts_on)
{
    if (!recorder.on) {
        PyErr_SetString(PyExc_RuntimeError, "no timeline is being recorded");
        return NULL;
    }
    uint64_t end = now();
    for_each_greenlet(name_unstarted);
    turn_off();                     /* before anything is allocated that may let others run */
    size_t kept = Py_MIN(recorder.count, recorder.room);
    PyObject *taken = Py_BuildValue(
        "{s:N,s:N,s:N,s:N,s:N,s:N,s:N,s:K,s:K,s:K,s:K,s:K}",
        "records", take_records(),
        "slots", take_table(&recorder.slots, sizeof(Slot)),
        "statistics", take_table(&recorder.statistics, sizeof(Statistics)),
        "threads", take_threads(),
        "names", PyList_GetSlice(recorder.names, 0, PY_SSIZE_T_MAX),
        "codes", PyList_GetSlice(recorder.codes, 0, PY_SSIZE_T_MAX),
        "longest", PyBytes_FromStringAndSize((char *)recorder.longest, sizeof recorder.longest),
        "dropped", (unsigned long long)(recorder.count - kept),
        "begin", (unsigned long long)recorder.begin,
        "end", (unsigned long long)end,
        "created", (unsigned long long)timeline_totals.created,
        "ended", (unsigned long long)timeline_totals.ended);
    if (counts_on == Py_True && recorder.ring != NULL) {
        count_on();
    }
    else {
        clear_recorder();
    }
    return taken;
}

/* The number at an address, if it is that of an entry of a table. */
static bool
copy_entry(void *to, const Table *table, uint32_t at, size_t size)
{
    return at < table->count && safe_copy(to, (char *)table->entries + at * size, size);
}

static const PyObject *
text_at(uint32_t name)
{
    PyListObject list;
    const PyObject *text;
    bool found = name != 0 && safe_copy(&list, recorder.names, sizeof list)
        && (Py_ssize_t)name < Py_SIZE(&list) && safe_copy(&text, list.ob_item + name, sizeof text);
    return found ? text : NULL;
}

TimelineName
timeline_name_of(const Thread *thread)
{
    TimelineName name = {.thread_text = text_at(thread->timeline_name)};
    Greenlet object;
    State state;
    Slot slot;
    if (safe_copy(&object, thread->current, sizeof object)
        && safe_copy(&state, object.state, sizeof state) && state.is_recorded
        && copy_entry(&slot, &recorder.slots, state.timeline_slot, sizeof slot)) {
        name.text = text_at(slot.name);
        name.loop = (Loop)slot.loop;
    }
    return name;
}

PyObject *
timeline_mark(PyObject *Py_UNUSED(module), PyObject *text)
{
    if (!PyUnicode_CheckExact(text)) {
        PyErr_Format(PyExc_TypeError, "a mark's text must be a str, not %s",
                     Py_TYPE(text)->tp_name);
        return NULL;
    }
    Thread *thread = recorder.on && recorder.ring != NULL ? thread_find() : NULL;
    if (thread == NULL || !thread->of_main_interpreter
        || (is_new(thread, thread->current) && !meet(thread, thread->current, NULL))) {
        Py_RETURN_NONE;
    }
    uint32_t name = name_number(text);
    Record *record = add_record(MARK, now(), thread);
    record->greenlet = slot_of(thread->current)->number;
    record->origin = 0;
    record->detail = name;
    add_place(record, thread->tstate);
    Py_RETURN_NONE;
}

PyObject *
timeline_label(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *value, *text;
    if (!PyArg_ParseTuple(args, "OU:label", &value, &text)) {
        return NULL;
    }
    if (recorder.on && recorder.ring != NULL) {
        uint32_t label = name_number(text);
        struct Labelled *labelled = labelled_at(value);
        PyObject *before = labelled->value;
        *labelled = (struct Labelled){Py_NewRef(value), label};
        recorder.has_labels = true;
        Py_XDECREF(before);
    }
    return Py_NewRef(value);
}

/* What can be asked for while it records: (ns since its begin, arrivals, creations, ends, records
 * dropped), or None if it does not. */
PyObject *
timeline_counts(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    if (!recorder.on) {
        Py_RETURN_NONE;
    }
    size_t kept = Py_MIN(recorder.count, recorder.room);
    return Py_BuildValue("KKKKK", (unsigned long long)(now() - recorder.begin),
                         (unsigned long long)timeline_totals.arrivals,
                         (unsigned long long)timeline_totals.created,
                         (unsigned long long)timeline_totals.ended,
                         (unsigned long long)(recorder.count - kept));
}
