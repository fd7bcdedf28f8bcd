/* The line of an instruction, from CPython 3.11 on (Objects/locations.md, later
 * InternalDocs/code_objects.md). The interpreter's own function for it trusts every address. */
#include "byte_stream.h"

static inline int
lines_varint(byte_stream *stream)
{
    unsigned value = 0;
    for (int shift = 0; shift < 30; shift += 6) {
        int byte = byte_stream_next(stream);
        if (byte < 0) {
            break;
        }
        value |= (unsigned)(byte & 63) << shift;
        if (!(byte & 64)) {
            break;
        }
    }
    return (int)value;
}

static inline int
lines_signed_varint(byte_stream *stream)
{
    int value = lines_varint(stream);
    return value & 1 ? -(value >> 1) : value >> 1;
}

/* Each entry begins with a byte that has its highest bit set, then four bits that say what
 * follows, then the number of code units less one. Columns are skipped. */
static inline int
tstate_line(const PyCodeObject *code, int instruction, tstate_reader read)
{
    enum { NO_LINE = 15,
           LONG = 14,
           LINE_ONLY = 13,
           LATER_LINE = 10 };
    int line = code->co_firstlineno, byte, end = 0;
    if (instruction < 0) {
        return line;
    }
    byte_stream stream = byte_stream_of(code->co_linetable, read);
    byte = byte_stream_next(&stream);
    while (byte >= 0) {
        int kind = byte >> 3 & 15;
        end += ((byte & 7) + 1) * (int)sizeof(_Py_CODEUNIT);
        if (kind == LONG || kind == LINE_ONLY) {
            line += lines_signed_varint(&stream);
        }
        else if (kind >= LATER_LINE && kind < LINE_ONLY) {
            line += kind - LATER_LINE;
        }
        if (instruction < end) {
            return kind == NO_LINE ? -1 : line;
        }
        do {
            byte = byte_stream_next(&stream);
        } while (byte >= 0 && !(byte & 128));
    }
    return -1;
}
