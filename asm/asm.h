/* The register switch: the only thing in this project that is written in assembly.
 *
 *     void *swap_stack(save, restore, arg)
 *
 * A file for an ABI defines this one function, as file-scope assembly so that no optimiser can look inside
 * or reason across it. It must:
 *
 *   1. push every register that the ABI tells a callee to preserve, and the control words of its
 *      floating-point units, onto the stack it was called on;
 *   2. call `save(sp, arg)` with sp, the lowest address whose bytes must be kept. Room that the ABI has a caller
 *      leave for its callee (arguments, a save area) lies below it: nobody needs that after the call;
 *   3. if that returned an address: go on with the stack from there, with such room below it. It is the sp of an
 *      earlier call of swap_stack, and everything from there upwards is about to be put back by step 5;
 *   4. if it returned NULL: stay, and mark this place as the end of the stack for unwinders and for whoever
 *      follows frame pointers: a new stack may begin below it;
 *   5. call `restore(sp or NULL, arg)`, on whichever stack it is now;
 *   6. pop what step 1 pushed and return what `restore` returned.
 *
 * Steps 1 and 6 may belong to different calls of swap_stack: that is the switch. `restore` and `arg` must
 * therefore live in registers that step 1 saved, not on the stack. `save` runs on the stack that is left, so
 * what it copies must start at sp, and `restore` runs below what it writes.
 */
#ifndef SWITCHLIB_ASM_H
#define SWITCHLIB_ASM_H

typedef void *(*swap_save_fn)(void *sp, void *arg);
typedef void *(*swap_restore_fn)(void *sp, void *arg);

void *switchlib_swap_stack(swap_save_fn save, swap_restore_fn restore, void *arg)
    __attribute__((visibility("hidden")));

/* The ABI this library was built for, for people to read. */
extern const char *const switchlib_abi __attribute__((visibility("hidden")));

#endif
