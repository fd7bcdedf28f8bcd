#include "first_chunk.h"

#include <stdint.h>

/* The same run may do very different work: gevent's is always Greenlet.run. So the largest use
 * among some samples is remembered, where one start of SAMPLED is a sample. In between, a chunk
 * that is too small raises the size only if that happens in one start of OUTGROWN. SAMPLED is
 * odd, so that both are sampled if two kinds of work take turns. */
#define STARTS 65
#define SAMPLED 13
#define OUTGROWN 4

typedef struct Use {
    const void *key;
    size_t size;                    /* what first chunks are given now */
    size_t most;                    /* the largest use that was reported during these starts */
    int starts;
    int outgrown;
} Use;

/* The place of a key is one of the WAYS places from its hash on. */
#define USES 256
#define WAYS 4

static Use uses[USES + WAYS - 1];

static Use *
place_of(const void *key)
{
    return &uses[((uintptr_t)key >> 5) % USES];
}

static Use *
find(const void *key)
{
    Use *use = place_of(key), *end = use + WAYS;
    while (use->key != key) {
        if (use->key == NULL || ++use == end) {
            return NULL;
        }
    }
    return use;
}

size_t
first_chunk_size(const void *key, bool *report)
{
    Use *use = find(key);
    *report = false;
    if (use == NULL) {
        return 0;
    }
    if (use->starts == STARTS) {
        use->size = use->most != 0 ? use->most : use->size;
        use->most = 0;
        use->starts = use->outgrown = 0;
    }
    *report = use->starts++ % SAMPLED == 0;
    return use->size;
}

/* A place for a key that has none yet: a free one, or each in turn. */
static Use *
take_place(const void *key)
{
    static unsigned turn;
    Use *use = place_of(key);
    for (int way = 0; way < WAYS; way++) {
        if (use[way].key == NULL) {
            return &use[way];
        }
    }
    return &use[turn++ % WAYS];
}

void
first_chunk_used(const void *key, size_t size, bool outgrown)
{
    if (size > FIRST_CHUNK_MOST) {
        return;
    }
    Use *use = find(key);
    if (use == NULL) {
        if (outgrown) {
            *take_place(key) =
                (Use){.key = key, .size = size, .most = size, .starts = 1, .outgrown = 1};
        }
        return;
    }
    if (size > use->most) {
        use->most = size;
    }
    if (outgrown && ++use->outgrown * OUTGROWN >= use->starts && size > use->size) {
        use->size = size;
    }
}
