/* Greenlets for CPython: the only part that meets the register switch, the stack layer, the interpreter layer
 * and the Python policy. */
#ifndef SWITCHLIB_MECHANISM_H
#define SWITCHLIB_MECHANISM_H

#include <stddef.h>
#include <stdint.h>

/* Fills the dict whose id() is given with the types, functions and constants that switchlib/_mechanism.py
 * declares. They are ordinary CPython objects, since a call through cffi costs three times a builtin's and
 * releases the GIL. Returns 0, or -1 with the text of what went wrong in `why`. */
int mechanism_fill(uintptr_t namespace_id, char *why, size_t size);

#endif
