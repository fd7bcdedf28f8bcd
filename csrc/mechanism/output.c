#include "output.h"

#include "safe_copy.h"

#include <errno.h>
#include <unistd.h>

#define MOST_CHARACTERS 500

void
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

void
put_char(Output *out, char character)
{
    if (out->used == sizeof out->text) {
        flush(out);
    }
    out->text[out->used++] = character;
}

void
put(Output *out, const char *text)
{
    for (; *text != '\0'; text++) {
        put_char(out, *text);
    }
}

void
put_hex(Output *out, uintptr_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        put_char(out, "0123456789abcdef"[number >> (4 * i) & 15]);
    }
}

void
put_address(Output *out, const void *address)
{
    put(out, "0x");
    put_hex(out, (uintptr_t)address, 2 * sizeof(void *));
}

void
put_decimal(Output *out, uint64_t number)
{
    char digits[20];
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
void
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

void
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
