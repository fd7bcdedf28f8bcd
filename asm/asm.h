/* The register switch: the only part of this project that is written in assembly.
 *
 *     void *swap_stack(save, restore, arg)        goes to a stack that was left
 *     void *start_stack(save, begin, arg)         goes to a new stack
 *
 * The file of an ABI defines these two functions. They are file-scope assembly, so that no
 * optimiser can look inside or reason across them. Both must:
 *
 *   1. push every register that the ABI requires a callee to preserve, and the control words of its
 *      floating-point units, onto the stack on which they were called, in the same way;
 *   2. call `save(sp, arg)` with sp, the lowest address whose bytes must be kept. Some ABIs have a
 *      caller reserve space for its callee (arguments, a save area). This space lies below sp,
 *      since it is not needed after the call. (If registers come in windows, the caller's own are
 *      saved there. Then it is needed, and must be kept.)
 *
 * swap_stack then must:
 *
 *   3. if that returned NULL: stay on this stack, pop what step 1 pushed, and return NULL;
 *   4. otherwise continue on the stack at the address that was returned, with such space below it.
 *      It is the sp of an earlier call of either function. Step 5 will put back everything from
 *      there upwards;
 *   5. call `restore(arg)` there;
 *   6. pop what step 1 of that earlier call pushed and return what `restore` returned.
 *
 * start_stack then must:
 *
 *   3. continue on the stack at the address that was returned, with such space below it. It may be
 *      sp itself. It is aligned as sp is. What lies above it belongs to other stacks;
 *   4. mark this place as the end of the stack, for unwinders and for code that follows frame
 *      pointers, and call `begin(arg)`, which never returns.
 *
 * `restore`, `begin` and `arg` must live in registers that step 1 saved, not on the stack.
 * `save` runs on the stack that is left, so what it copies must start at sp, and `restore` runs
 * below what it writes.
 *
 * swap_stack has the form of slp_switch in PyPy's stacklet: it calls a function on each of the two
 * stacks, and the first returns where to go. Like greenlet's it descends from Stackless Python's
 * slp_switch. A function of its own for a start is new here. */
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
