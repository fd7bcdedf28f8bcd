/* The line of an instruction of CPython 3.10 (Objects/lnotab_notes.txt). The interpreter's own
 * function for it trusts every address. */
#include "byte_stream.h"

/* Each entry is a pair: the number of bytes, and what is added to the line, or -128 if they have
 * none. */
static inline int
tstate_line(const PyCodeObject *code, int instruction, tstate_reader read)
{
    int line = code->co_firstlineno, end = 0, bytes;
    if (instruction < 0) {
        return line;
    }
    byte_stream stream = byte_stream_of(code->co_linetable, read);
    while ((bytes = byte_stream_next(&stream)) >= 0) {
        int step = byte_stream_next(&stream);
        if (step < 0) {
            break;
        }
        end += bytes;
        if (step != 128) {
            line += (signed char)step;
        }
        if (instruction < end) {
            return step == 128 ? -1 : line;
        }
    }
    return -1;
}
