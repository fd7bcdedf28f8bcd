/* What Python sees of csrc/mechanism.h through cffi. */

int mechanism_fill(uintptr_t namespace_id, char *why, size_t size);
