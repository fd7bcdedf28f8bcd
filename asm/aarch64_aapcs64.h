/* AArch64, AAPCS64 (Linux, the BSDs, macOS).
 *
 * Procedure Call Standard for the Arm 64-bit Architecture, 6.1 and 6.4: a callee preserves x19 to
 * x29, the low halves of v8 to v15 (which are d8 to d15), and the control bits of FPCR; sp is a
 * multiple of 16 at all times. x18 belongs to the platform and is left alone.
 *
 *     sp + 168  unused
 *     sp + 160  FPCR
 *     sp + 152  d15
 *       ...
 *     sp +  96  d8
 *     sp +  88  x28
 *       ...
 *     sp +  16  x19
 *     sp +   8  x30, the return address, signed
 *     sp +   0  x29, the caller's frame record: x29 points here
 *
 * The frame has 176 bytes. A slice comes back to the address that it left, so a return address
 * that was signed with its stack pointer (here, or by any function whose frame is in the slice)
 * is still valid then. Older CPUs take the instructions that sign and authenticate for no-ops;
 * CPUs that check where a branch lands (BTI) take paciasp for a landing pad. */
#define SWITCHLIB_ABI "aarch64-aapcs64"

#define SAVE_PAIR(a, b, at) \
    "stp " #a ", " #b ", [sp, " #at "]\n" \
    ".cfi_rel_offset " #a ", " #at "\n.cfi_rel_offset " #b ", " #at " + 8\n"
#define LOAD_PAIR(a, b, at) \
    "ldp " #a ", " #b ", [sp, " #at "]\n.cfi_restore " #a "\n.cfi_restore " #b "\n"

/* Saves all, and calls `save`; its answer is in x0, `restore` or `begin` in x19, `arg` in x20. */
#define SAVE_AND_ASK \
    "hint #25\n.cfi_negate_ra_state\n"      /* paciasp */ \
    "sub sp, sp, 176\n.cfi_adjust_cfa_offset 176\n" \
    SAVE_PAIR(x29, x30, 0) \
    SAVE_PAIR(x19, x20, 16) \
    SAVE_PAIR(x21, x22, 32) \
    SAVE_PAIR(x23, x24, 48) \
    SAVE_PAIR(x25, x26, 64) \
    SAVE_PAIR(x27, x28, 80) \
    SAVE_PAIR(d8, d9, 96) \
    SAVE_PAIR(d10, d11, 112) \
    SAVE_PAIR(d12, d13, 128) \
    SAVE_PAIR(d14, d15, 144) \
    "mrs x9, fpcr\n" \
    "str x9, [sp, 160]\n" \
    "mov x29, sp\n" \
    "mov x19, x1\n" \
    "mov x20, x2\n" \
    "mov x9, x0\n" \
    "mov x0, sp\n" \
    "mov x1, x2\n" \
    "blr x9\n"

__asm__(
    FUNCTION_BEGIN(switchlib_swap_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    "cbz x0, 1f\n"
    "mov sp, x0\n"                  /* the switch */
    "mov x29, sp\n"
    "mov x0, x20\n"
    "blr x19\n"
    "1:\n"
    "ldr x9, [sp, 160]\n"           /* to write FPCR is slow: seldom is it another's */
    "mrs x10, fpcr\n"
    "cmp x9, x10\n"
    "b.eq 2f\n"
    "msr fpcr, x9\n"
    "2:\n"
    LOAD_PAIR(d14, d15, 144)
    LOAD_PAIR(d12, d13, 128)
    LOAD_PAIR(d10, d11, 112)
    LOAD_PAIR(d8, d9, 96)
    LOAD_PAIR(x27, x28, 80)
    LOAD_PAIR(x25, x26, 64)
    LOAD_PAIR(x23, x24, 48)
    LOAD_PAIR(x21, x22, 32)
    LOAD_PAIR(x19, x20, 16)
    LOAD_PAIR(x29, x30, 0)
    "add sp, sp, 176\n.cfi_adjust_cfa_offset -176\n"
    "hint #29\n.cfi_negate_ra_state\n"      /* autiasp */
    "ret\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_swap_stack)

    FUNCTION_BEGIN(switchlib_start_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    ".cfi_undefined x30\n"          /* no unwinder goes past this call */
    "mov sp, x0\n"
    "mov x29, xzr\n"
    "mov x0, x20\n"
    "blr x19\n"
    "brk #1\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_start_stack)
);
