#include "debug_offsets.h"

#include "../tstate/debug_offsets.h"
#include "thread.h"

#define DEBUG_OFFSETS_VERSION 1

typedef struct Entry {
    char name[40];
    uint64_t value;
} Entry;

#define ENTRY(name, value) {name, (uint64_t)(value)},

#define NO_ENTRY(name, value) {name, 0},    /* debug_offsets_install fills it in */

/* Name, address. */
#define ADDRESSES(X) \
    X("threads.buckets", thread_buckets) \
    X("threads.ended", &of_ended_threads) \
    X("types.base", Base) \
    X("types.greenlet", Public) \
    X("types.function", &PyFunction_Type) \
    X("types.method", &PyMethod_Type) \
    X("types.builtin", &PyCFunction_Type) \
    X("types.code", &PyCode_Type) \
    X("types.cell", &PyCell_Type) \
    X("types.module", &PyModule_Type) \
    X("types.generator", &PyGen_Type) \
    X("types.coroutine", &PyCoro_Type) \
    X("types.async_generator", &PyAsyncGen_Type) \
    X("types.set", &PySet_Type) \
    X("types.frozenset", &PyFrozenSet_Type) \
    X("types.float", &PyFloat_Type) \
    X("types.bool", &PyBool_Type) \
    X("types.member_descriptor", &PyMemberDescr_Type) \
    X("objects.none", Py_None) \
    X("objects.interpreter", PyInterpreterState_Main())

#define OWN_OFFSETS(X) \
    X("threads.bucket_count", THREAD_BUCKETS) \
    FIELD(X, "thread", Thread, tstate) \
    FIELD(X, "thread", Thread, id) \
    FIELD(X, "thread", Thread, native_id) \
    FIELD(X, "thread", Thread, current) \
    FIELD(X, "thread", Thread, main) \
    FIELD(X, "thread", Thread, listed) \
    FIELD(X, "thread", Thread, target) \
    FIELD(X, "thread", Thread, tracer) \
    FIELD(X, "thread", Thread, next) \
    X("thread.size", sizeof(Thread)) \
    FIELD(X, "greenlet", Greenlet, weakreflist) \
    FIELD(X, "greenlet", Greenlet, dict) \
    FIELD(X, "greenlet", Greenlet, state) \
    X("greenlet.size", sizeof(Greenlet)) \
    FIELD(X, "state", State, thread) \
    FIELD(X, "state", State, slice) \
    FIELD(X, "state", State, slice.start) \
    FIELD(X, "state", State, slice.stop) \
    FIELD(X, "state", State, slice.buffer) \
    FIELD(X, "state", State, slice.saved) \
    FIELD(X, "state", State, slice.capacity) \
    FIELD(X, "state", State, slice.prev) \
    FIELD(X, "state", State, tstate) \
    FIELD(X, "state", State, parent) \
    FIELD(X, "state", State, run) \
    FIELD(X, "state", State, next_listed) \
    X("state.size", sizeof(State)) \
    X("stack.aligned_bytes", STACK_ALIGNED_BYTES) \
    X("stack.line", STACK_LINE)

#ifdef __APPLE__                    /* Mach-O names the segment, too */
#  define SECTION "__DATA,switchlib"
#else
#  define SECTION ".switchlib"
#endif

/* In writable memory, since core files leave the rest of a module out. */
static struct {
    char cookie[16];
    uint32_t version;
    uint32_t pointer_size;
    uint32_t entry_size;
    uint32_t count;
    Entry entries[];
} switchlib_debug_offsets __attribute__((section(SECTION), aligned(16), used)) = {
    .version = DEBUG_OFFSETS_VERSION,
    .pointer_size = sizeof(void *),
    .entry_size = sizeof(Entry),
    .entries = {
        /* clang-format off */
        ADDRESSES(NO_ENTRY)
        OWN_OFFSETS(ENTRY)
        TSTATE_DEBUG_OFFSETS(ENTRY)
        /* clang-format on */
        {"end", 0},
    },
};

void
debug_offsets_install(void)
{
#define VALUE(name, address) (uint64_t)(uintptr_t)(address),
    const uint64_t addresses[] = {ADDRESSES(VALUE)};
    Entry *entry = switchlib_debug_offsets.entries;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(addresses); i++) {
        entry[i].value = addresses[i];
    }
    while (strcmp(entry->name, "end") != 0) {
        entry++;
    }
    switchlib_debug_offsets.count = (uint32_t)(entry - switchlib_debug_offsets.entries);
    TSTATE_IN_ORDER;
    /* Last, so that a reader finds no table that is not filled in. */
    memcpy(switchlib_debug_offsets.cookie, "switchlib-table", 16);
}
