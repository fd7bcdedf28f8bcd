/* IBM Z, 64 bits (s390x), Linux.
 *
 * ELF Application Binary Interface s390x Supplement, 1.6, 1.2.2 and 1.2.3: a callee preserves r6 to
 * r13, r15, f8 to f15 and the control bits of FPC; r15, the stack pointer, is a multiple of 8.
 * Access registers 0 and 1 point to the thread's data and the others are not preserved, so none is
 * touched. Each caller leaves 160 bytes at its stack pointer for its callee, which stores general
 * registers there.
 *
 *     sp + 192  r15  \
 *     sp + 184  r14, the return address
 *       ...            >  in the 160 bytes that the caller left: sp + 72 to sp + 232
 *     sp + 120  r6   /
 *       ...
 *     sp +  64  f15
 *       ...
 *     sp +   8  f8
 *     sp +   0  FPC (4 bytes)
 *
 * The frame has 72 bytes, without those of the caller. The 160 bytes that `save` and `restore` need
 * in turn lie below sp: r15 is sp - 160. They are not needed after the call, so they are not part
 * of what is copied; at the end of a stack they are the new stack's first. */
#define SWITCHLIB_ABI "s390x"

#define EACH_FLOAT(do) \
    do(f8, 168) do(f9, 176) do(f10, 184) do(f11, 192) \
    do(f12, 200) do(f13, 208) do(f14, 216) do(f15, 224)
#define SAVE_FLOAT(reg, at) "std %" #reg ", " #at "(%r15)\n.cfi_rel_offset %" #reg ", " #at "\n"
#define LOAD_FLOAT(reg, at) "ld %" #reg ", " #at "(%r15)\n.cfi_restore %" #reg "\n"
#define EACH(do) \
    do(r6, 48) do(r7, 56) do(r8, 64) do(r9, 72) do(r10, 80) \
    do(r11, 88) do(r12, 96) do(r13, 104) do(r14, 112) \
    do(r15, 120)
#define CFI_SAVED(reg, at) ".cfi_rel_offset %" #reg ", " #at "\n"
#define CFI_LOADED(reg, at) ".cfi_restore %" #reg "\n"

/* Saves all, and calls `save`; its answer is in r2, `restore` or `begin` in r6, `arg` in r7. */
#define SAVE_AND_ASK \
    "stmg %r6, %r15, 48(%r15)\n"    /* the CFA is 160 bytes above r15 */ \
    EACH(CFI_SAVED) \
    "aghi %r15, -232\n.cfi_adjust_cfa_offset 232\n" \
    EACH_FLOAT(SAVE_FLOAT) \
    "stfpc 160(%r15)\n" \
    "lgr %r6, %r3\n" \
    "lgr %r7, %r4\n" \
    "lgr %r1, %r2\n" \
    "la %r2, 160(%r15)\n" \
    "lgr %r3, %r4\n" \
    "basr %r14, %r1\n"

__asm__(
    FUNCTION_BEGIN(switchlib_swap_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    "ltgr %r2, %r2\n"
    "je 1f\n"
    "lay %r15, -160(%r2)\n"         /* the switch */
    "lgr %r2, %r7\n"
    "basr %r14, %r6\n"
    "1:\n"
    "lfpc 160(%r15)\n"
    EACH_FLOAT(LOAD_FLOAT)
    "lmg %r6, %r15, 232 + 48(%r15)\n.cfi_adjust_cfa_offset -232\n"
    EACH(CFI_LOADED)
    "br %r14\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_swap_stack)

    FUNCTION_BEGIN(switchlib_start_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    ".cfi_undefined %r14\n"         /* no unwinder goes past this call */
    "lay %r15, -160(%r2)\n"
    "xc 0(8, %r15), 0(%r15)\n"      /* no back chain */
    "lghi %r11, 0\n"
    "lgr %r2, %r7\n"
    "basr %r14, %r6\n"
    "j .+2\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_start_stack)
);
