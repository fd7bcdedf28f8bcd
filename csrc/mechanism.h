/* Greenlets for CPython: the only part that meets the register switch, the stack layer, the interpreter layer
 * and the Python policy. */
#ifndef SWITCHLIB_MECHANISM_H
#define SWITCHLIB_MECHANISM_H

#include <stdint.h>

/* Puts a builtin `fill` into the dict whose id() is given; it fills a dict with the types, functions and constants that
 * switchlib/_mechanism.py declares. All are ordinary CPython objects, since a call through cffi costs three times a
 * builtin's and releases the GIL; nor does it tell in which interpreter it is called. Returns 0, or -1 without memory. */
int mechanism_open(uintptr_t namespace_id);

#endif
