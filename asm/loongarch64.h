/* LoongArch, 64 bits: LP64D, LP64F and LP64S.
 *
 * LoongArch ELF psABI, 2.01, tables 1 and 2: a callee preserves s0 to s8 and fp and, if arguments
 * travel in floating-point registers, fs0 to fs7; the rounding mode, in fcsr0, is a thread's; sp is
 * a multiple of 16 at all times. tp and r21 belong to the platform and are left alone.
 *
 *     sp + 152  ra, the return address          sp + 88  ra, the return address
 *     sp + 144  fp                              sp + 80  fp
 *     sp + 136  s8                              sp + 72  s8
 *       ...                                       ...
 *     sp +  72  s0                              sp +  8  s0
 *     sp +  64  fcsr0 (4 bytes)                 sp +  0  unused
 *     sp +  56  fs7
 *       ...
 *     sp +   0  fs0
 *
 * The frame has 160 bytes in LP64D and LP64F (left), 96 in LP64S. */
#if defined(__loongarch_double_float)
#  define SWITCHLIB_ABI "loongarch64-lp64d"
#  define FLOAT_STORE "fst.d "
#  define FLOAT_LOAD "fld.d "
#  define FLOATS "64"
#elif defined(__loongarch_single_float)
#  define SWITCHLIB_ABI "loongarch64-lp64f"
#  define FLOAT_STORE "fst.s "
#  define FLOAT_LOAD "fld.s "
#  define FLOATS "64"
#else
#  define SWITCHLIB_ABI "loongarch64-lp64s"
#  define FLOATS "0"
#endif
#define FRAME FLOATS " + 96"

/* gas knows the names of registers, but its CFI only their DWARF numbers. */
#define SAVE(reg, dwarf, at) \
    "st.d $" #reg ", $sp, " FLOATS " + " #at "\n.cfi_rel_offset " #dwarf ", " FLOATS " + " #at "\n"
#define LOAD(reg, dwarf, at) "ld.d $" #reg ", $sp, " FLOATS " + " #at "\n.cfi_restore " #dwarf "\n"
#define SAVE_FLOAT(reg, dwarf, at) \
    FLOAT_STORE "$" #reg ", $sp, " #at "\n.cfi_rel_offset " #dwarf ", " #at "\n"
#define LOAD_FLOAT(reg, dwarf, at) FLOAT_LOAD "$" #reg ", $sp, " #at "\n.cfi_restore " #dwarf "\n"

#define EACH(do) \
    do(s0, 23, 8) do(s1, 24, 16) do(s2, 25, 24) do(s3, 26, 32) do(s4, 27, 40) do(s5, 28, 48) \
    do(s6, 29, 56) do(s7, 30, 64) do(s8, 31, 72) do(fp, 22, 80) do(ra, 1, 88)
#if defined(__loongarch_soft_float)
#  define EACH_FLOAT(do)
#  define SAVE_FCSR
#  define LOAD_FCSR
#else
#  define EACH_FLOAT(do) \
    do(fs0, 56, 0) do(fs1, 57, 8) do(fs2, 58, 16) do(fs3, 59, 24) \
    do(fs4, 60, 32) do(fs5, 61, 40) do(fs6, 62, 48) do(fs7, 63, 56)
#  define SAVE_FCSR "movfcsr2gr $t0, $fcsr0\nst.w $t0, $sp, " FLOATS "\n"
#  define LOAD_FCSR "ld.w $t0, $sp, " FLOATS "\nmovgr2fcsr $fcsr0, $t0\n"
#endif

/* Saves all, and calls `save`; its answer is in a0, `restore` or `begin` in s0, `arg` in s1. */
#define SAVE_AND_ASK \
    "addi.d $sp, $sp, -(" FRAME ")\n.cfi_adjust_cfa_offset " FRAME "\n" \
    EACH(SAVE) \
    EACH_FLOAT(SAVE_FLOAT) \
    SAVE_FCSR \
    "move $s0, $a1\n" \
    "move $s1, $a2\n" \
    "move $t0, $a0\n" \
    "move $a0, $sp\n" \
    "move $a1, $a2\n" \
    "jirl $ra, $t0, 0\n"

__asm__(
    FUNCTION_BEGIN(switchlib_swap_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    "beqz $a0, 1f\n"
    "move $sp, $a0\n"               /* the switch */
    "move $a0, $s1\n"
    "jirl $ra, $s0, 0\n"
    "1:\n"
    LOAD_FCSR
    EACH_FLOAT(LOAD_FLOAT)
    EACH(LOAD)
    "addi.d $sp, $sp, " FRAME "\n.cfi_adjust_cfa_offset -(" FRAME ")\n"
    "jr $ra\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_swap_stack)

    FUNCTION_BEGIN(switchlib_start_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    ".cfi_undefined 1\n"            /* no unwinder goes past this call */
    "move $sp, $a0\n"
    "move $fp, $zero\n"
    "move $a0, $s1\n"
    "jirl $ra, $s0, 0\n"
    "break 0\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_start_stack)
);
