/* The register switch: the only thing in this project that is written in assembly.
 *
 *     void *swap_stack(save, restore, arg)        to a stack that was left
 *     void *start_stack(save, begin, arg)         to one that begins
 *
 * A file for an ABI defines these two functions, as file-scope assembly so that no optimiser can
 * look inside or reason across them. Both must:
 *
 *   1. push every register that the ABI tells a callee to preserve, and the control words of its
 *      floating-point units, onto the stack they were called on, in the same way;
 *   2. call `save(sp, arg)` with sp, the lowest address whose bytes must be kept. Space that the
 *      ABI has a caller reserve for its callee (arguments, a save area) lies below it, since it is
 *      not needed after the call. (Where registers come in windows the caller's own are saved
 *      there: then it is needed, and is to be kept.)
 *
 * swap_stack then must:
 *
 *   3. if that returned NULL: stay, pop what step 1 pushed and return NULL;
 *   4. continue on the stack at the address that was returned, with such space below it. It is the
 *      sp of an earlier call of either function, and everything from there upwards is about to be
 *      put back by step 5;
 *   5. call `restore(arg)` there;
 *   6. pop what step 1 of that earlier call pushed and return what `restore` returned.
 *
 * start_stack then must:
 *
 *   3. continue on the stack at the address that was returned, with such space below it. It may be
 *      sp itself; at any rate it is aligned as sp is. What lies above it belongs to others;
 *   4. mark this place as the end of the stack, for unwinders and for whatever follows frame
 *      pointers, and call `begin(arg)`, which never returns.
 *
 * `restore`, `begin` and `arg` must live in registers that step 1 saved, not on the stack.
 * `save` runs on the stack that is left, so what it copies must start at sp, and `restore` runs
 * below what it writes.
 *
 * swap_stack has the form of slp_switch in PyPy's stacklet, with a function on each of the two
 * stacks, of which the first answers where to go. It descends, as greenlet's does, from Stackless
 * Python's slp_switch. That a start is a function of its own is new here. */
#ifndef SWITCHLIB_ASM_H
#define SWITCHLIB_ASM_H

typedef void *(*stack_save_fn)(void *sp, void *arg);
typedef void *(*stack_restore_fn)(void *arg);
typedef void (*stack_begin_fn)(void *arg);

void *switchlib_swap_stack(stack_save_fn save, stack_restore_fn restore, void *arg)
    __attribute__((visibility("hidden")));

void *switchlib_start_stack(stack_save_fn save, stack_begin_fn begin, void *arg)
    __attribute__((visibility("hidden")));

/* The ABI this library was built for, for people to read. */
extern const char *const switchlib_abi __attribute__((visibility("hidden")));

#endif
