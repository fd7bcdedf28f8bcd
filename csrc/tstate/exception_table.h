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

/* `end` can be read: a null byte is there. */
static inline const uint8_t *
read_varint(const uint8_t *p, const uint8_t *end, int *value)
{
    *value = *p & 63;
    while (p < end && *p & 64) {
        *value = (*value & 0xFFFFFF) << 6 | (*++p & 63);
    }
    return p < end ? p + 1 : end;
}

/* Reads the next entry of the table, from *p on; returns false at its end. */
static inline bool
read_handler(PyCodeObject *code, const uint8_t **p, Handler *handler)
{
    const uint8_t *table = (const uint8_t *)PyBytes_AS_STRING(code->co_exceptiontable);
    const uint8_t *end = table + PyBytes_GET_SIZE(code->co_exceptiontable);
    if (*p == NULL) {
        *p = table;
    }
    if (*p >= end) {
        return false;
    }
    int size, depth;
    *p = read_varint(*p, end, &handler->start);
    *p = read_varint(*p, end, &size);
    *p = read_varint(*p, end, &handler->target);
    *p = read_varint(*p, end, &depth);
    handler->end = handler->start + size;
    handler->depth = depth >> 1;
    handler->pushes_lasti = depth & 1;
    return true;
}
