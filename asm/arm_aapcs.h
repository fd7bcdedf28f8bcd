/* 32-bit Arm, AAPCS (Linux: armel, armhf), called from Arm or Thumb code.
 *
 * Procedure Call Standard for the Arm Architecture, 6.1, and Exception Handling ABI for the Arm
 * Architecture: a callee preserves r4 to r11 and, where there is a floating-point unit, d8 to d15
 * and the control bits of FPSCR; sp is a multiple of 8 at a call. Code compiled for CPUs without
 * that unit (armel) knows none of its registers.
 *
 *     sp + 100  lr, the return address          sp + 36  lr, the return address
 *     sp +  96  r11                             sp + 32  r11
 *       ...                                       ...
 *     sp +  68  r4                              sp +  4  r4
 *     sp +  64  FPSCR                           sp +  0  unused
 *     sp +  56  d15
 *       ...
 *     sp +   0  d8
 *
 * The frame has 104 bytes with floating-point unit (left), 40 without. Frame pointers are r11
 * in Arm code and r7 in Thumb code. Unwinders look up not an instruction but the function that
 * holds it, so the call at the end of a stack is a function of its own to them. */
#if defined(__ARM_PCS_VFP)
#  define SWITCHLIB_ABI "arm-aapcs-vfp"
#else
#  define SWITCHLIB_ABI "arm-aapcs"
#endif

#if defined(__ARM_FP)
#  define SAVE_FLOATS "vmrs r3, fpscr\npush {r3}\n.pad #4\nvpush {d8-d15}\n.vsave {d8-d15}\n"
#  define LOAD_FLOATS "vpop {d8-d15}\npop {r3}\nvmsr fpscr, r3\n"
#else
#  define SAVE_FLOATS "sub sp, sp, #4\n.pad #4\n"
#  define LOAD_FLOATS "add sp, sp, #4\n"
#endif

/* Pushes all, and calls `save`; its answer is in r0, `restore` or `begin` in r4, `arg` in r5. */
#define SAVE_AND_ASK \
    "push {r4-r11, lr}\n.save {r4-r11, lr}\n" \
    SAVE_FLOATS \
    "mov r4, r1\n" \
    "mov r5, r2\n" \
    "mov r3, r0\n" \
    "mov r0, sp\n" \
    "mov r1, r2\n" \
    "blx r3\n"

__asm__(
    ".syntax unified\n"
    ".arm\n"
    FUNCTION_BEGIN(switchlib_swap_stack)
    ".fnstart\n"
    SAVE_AND_ASK
    "cmp r0, #0\n"
    "beq 1f\n"
    "mov sp, r0\n"                  /* the switch */
    "mov r0, r5\n"
    "blx r4\n"
    "1:\n"
    LOAD_FLOATS
    "pop {r4-r11, pc}\n"
    ".fnend\n"
    FUNCTION_END(switchlib_swap_stack)

    FUNCTION_BEGIN(switchlib_start_stack)
    ".fnstart\n"
    SAVE_AND_ASK
    "b 1f\n"
    ".fnend\n"
    ".fnstart\n"
    ".cantunwind\n"                 /* no unwinder goes past this call */
    "1:\n"
    "mov sp, r0\n"
    "mov r7, #0\n"
    "mov r11, #0\n"
    "mov r0, r5\n"
    "blx r4\n"
    "udf #0\n"
    ".fnend\n"
    FUNCTION_END(switchlib_start_stack)
);
