/* The part of an evaluation stack that is there for sure while its frame waits in a call.
 *
 * The depth of the stack is in a register then, or the recorded depth cannot be trusted: an
 * instruction may have dropped its operands, or given them away, before it calls something that
 * switches. But it does not touch what lies below all of its operands. The number of these
 * references is the *floor* of the instruction. Unwinding goes below the floor while destructors
 * run. Each version's file says how it avoids that.
 *
 * Only instructions in which greenlets usually wait have a floor other than 0: calls, and those
 * that run iterators. Floors are worked out when they are first asked for, and kept as the
 * co_extra of the code object (PEP 523). */
#ifndef SWITCHLIB_STACK_FLOOR_H
#define SWITCHLIB_STACK_FLOOR_H

#include <Python.h>

/* Once a process. -1 with an exception if it fails. */
int stack_floor_install(void);

/* The floor of the instruction with this index, in code units; 0 if it is not known. Runs
 * nothing, raises nothing. */
int stack_floor(PyCodeObject *code, Py_ssize_t instruction);

#endif
