/* Text that is written without the GIL, also by signal handlers: async-signal-safe. */
#ifndef SWITCHLIB_OUTPUT_H
#define SWITCHLIB_OUTPUT_H

#include "common.h"

HIDDEN_BEGIN

typedef struct Output {
    int fd;
    size_t used;
    char text[256];
} Output;

/* Call it at the end. */
void flush(Output *out);

void put_char(Output *out, char character);
void put(Output *out, const char *text);
void put_hex(Output *out, uintptr_t number, int digits);
void put_address(Output *out, const void *address);
void put_decimal(Output *out, uint64_t number);

/* The C string at an address, and what is in a str. Neither address is trusted. */
void put_name(Output *out, const char *name);
void put_str(Output *out, const PyObject *object);

HIDDEN_END

#endif
