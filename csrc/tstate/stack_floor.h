/* What of an evaluation stack is there for sure while its frame stands in a call.
 *
 * The depth of the stack is in a register then, or what is recorded cannot be trusted: an
 * instruction may have dropped its operands, or given them away, before it calls something that
 * switches. But what lies below all operands of the instruction is left alone by it. The number of
 * these references is the instruction's floor. Unwinding goes below it, and does so while
 * destructors run: each version's file says how it keeps clear of that.
 *
 * Only instructions in which greenlets usually stand have a floor other than 0: calls, and those
 * that run iterators. Floors are worked out when a code object is first asked for, and kept as its
 * co_extra (PEP 523). */
#ifndef SWITCHLIB_STACK_FLOOR_H
#define SWITCHLIB_STACK_FLOOR_H

#include <Python.h>

/* Once a process. -1 with an exception if it fails. */
int stack_floor_install(void);

/* The floor of the instruction with this index, in code units; 0 if it is not known. Runs
 * nothing, raises nothing. */
int stack_floor(PyCodeObject *code, Py_ssize_t instruction);

#endif
