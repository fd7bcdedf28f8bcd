/* Copies of memory that may be invalid, for signal handlers. */
#ifndef SWITCHLIB_SAFE_COPY_H
#define SWITCHLIB_SAFE_COPY_H

#include "common.h"

HIDDEN_BEGIN

/* Copies `size` bytes, at most 4096. False if an address cannot be read. Async-signal-safe: it
 * makes system calls only, and keeps nothing. (Outside Linux it trusts the address.) */
bool safe_copy(void *to, const void *from, size_t size);

HIDDEN_END

#endif
