/* What Python sees of csrc/mechanism.h through cffi. */

int mechanism_open(uintptr_t namespace_id);
