/* The exception table of a code object, from CPython 3.11 on
 * (InternalDocs/exception_handling.md). */

/* Where control goes from instructions that raise: those from `start` on, before `end`. Of the
 * evaluation stack `depth` values are kept; the handler gets the exception pushed, and before
 * that, if `pushes_lasti`, the number of the instruction that raised. */
typedef struct Handler {
    int start, end;
    int target;
    int depth;
    bool pushes_lasti;
} Handler;

static inline const uint8_t *
read_varint(const uint8_t *p, int *value)
{
    *value = *p & 63;
    while (*p & 64) {
        *value = *value << 6 | (*++p & 63);
    }
    return p + 1;
}

/* Reads the next entry of the table, from *p on; returns false at its end. */
static inline bool
read_handler(PyCodeObject *code, const uint8_t **p, Handler *handler)
{
    const uint8_t *table = (const uint8_t *)PyBytes_AS_STRING(code->co_exceptiontable);
    if (*p == NULL) {
        *p = table;
    }
    if (*p >= table + PyBytes_GET_SIZE(code->co_exceptiontable)) {
        return false;
    }
    int size, depth;
    *p = read_varint(*p, &handler->start);
    *p = read_varint(*p, &size);
    *p = read_varint(*p, &handler->target);
    *p = read_varint(*p, &depth);
    handler->end = handler->start + size;
    handler->depth = depth >> 1;
    handler->pushes_lasti = depth & 1;
    return true;
}
