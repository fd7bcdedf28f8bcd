/* RISC-V, 64 bits: LP64D, LP64F and LP64.
 *
 * RISC-V ABIs Specification, 1.0, 1.1 and 1.2 (register conventions) and 2.1: a callee preserves s0
 * to s11 and, if arguments travel in floating-point registers, fs0 to fs11, as wide as those
 * arguments; the rounding mode, in fcsr, is a thread's; sp is a multiple of 16 at all times. gp and
 * tp belong to the platform and are left alone.
 *
 *     sp + 200  ra, the return address          sp + 104  ra, the return address
 *     sp + 192  s11                             sp +  96  s11
 *       ...                                       ...
 *     sp + 104  s0                              sp +   8  s0
 *     sp +  96  fcsr (4 bytes)                  sp +   0  fcsr (4 bytes), or unused
 *     sp +  88  fs11
 *       ...
 *     sp +   0  fs0
 *
 * The frame has 208 bytes in LP64D and LP64F (left), 112 in LP64. */
#if defined(__riscv_float_abi_double)
#  define SWITCHLIB_ABI "riscv64-lp64d"
#  define FLOAT_STORE "fsd "
#  define FLOAT_LOAD "fld "
#  define FLOATS "96"
#elif defined(__riscv_float_abi_single)
#  define SWITCHLIB_ABI "riscv64-lp64f"
#  define FLOAT_STORE "fsw "
#  define FLOAT_LOAD "flw "
#  define FLOATS "96"
#else
#  define SWITCHLIB_ABI "riscv64-lp64"
#  define FLOATS "0"
#endif
#define FRAME FLOATS " + 112"

#define SAVE(reg, at) \
    "sd " #reg ", " FLOATS " + " #at "(sp)\n.cfi_rel_offset " #reg ", " FLOATS " + " #at "\n"
#define LOAD(reg, at) "ld " #reg ", " FLOATS " + " #at "(sp)\n.cfi_restore " #reg "\n"
#define SAVE_FLOAT(reg, at) FLOAT_STORE #reg ", " #at "(sp)\n.cfi_rel_offset " #reg ", " #at "\n"
#define LOAD_FLOAT(reg, at) FLOAT_LOAD #reg ", " #at "(sp)\n.cfi_restore " #reg "\n"

#if defined(__riscv_float_abi_soft)
#  define EACH_FLOAT(do)
#else
#  define EACH_FLOAT(do) \
    do(fs0, 0) do(fs1, 8) do(fs2, 16) do(fs3, 24) do(fs4, 32) do(fs5, 40) \
    do(fs6, 48) do(fs7, 56) do(fs8, 64) do(fs9, 72) do(fs10, 80) do(fs11, 88)
#endif
#define EACH(do) \
    do(s0, 8) do(s1, 16) do(s2, 24) do(s3, 32) do(s4, 40) do(s5, 48) do(s6, 56) \
    do(s7, 64) do(s8, 72) do(s9, 80) do(s10, 88) do(s11, 96) do(ra, 104)

#if defined(__riscv_flen)
#  define SAVE_FCSR "frcsr t0\nsw t0, " FLOATS "(sp)\n"
#  define LOAD_FCSR "lw t0, " FLOATS "(sp)\nfscsr t0\n"
#else
#  define SAVE_FCSR
#  define LOAD_FCSR
#endif

/* Saves all, and calls `save`; its answer is in a0, `restore` or `begin` in s1, `arg` in s2. */
#define SAVE_AND_ASK \
    "addi sp, sp, -(" FRAME ")\n.cfi_adjust_cfa_offset " FRAME "\n" \
    EACH(SAVE) \
    EACH_FLOAT(SAVE_FLOAT) \
    SAVE_FCSR \
    "mv s1, a1\n" \
    "mv s2, a2\n" \
    "mv t0, a0\n" \
    "mv a0, sp\n" \
    "mv a1, a2\n" \
    "jalr t0\n"

__asm__(
    FUNCTION_BEGIN(switchlib_swap_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    "beqz a0, 1f\n"
    "mv sp, a0\n"                   /* the switch */
    "mv a0, s2\n"
    "jalr s1\n"
    "1:\n"
    LOAD_FCSR
    EACH_FLOAT(LOAD_FLOAT)
    EACH(LOAD)
    "addi sp, sp, " FRAME "\n.cfi_adjust_cfa_offset -(" FRAME ")\n"
    "ret\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_swap_stack)

    FUNCTION_BEGIN(switchlib_start_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    ".cfi_undefined ra\n"           /* no unwinder goes past this call */
    "mv sp, a0\n"
    "li s0, 0\n"
    "mv a0, s2\n"
    "jalr s1\n"
    "ebreak\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_start_stack)
);
