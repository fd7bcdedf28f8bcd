/* MIPS, 64 bits: n64.
 *
 * MIPSpro 64-Bit Porting and Transition Guide (007-2391), "The 64-bit ABI: calling convention": a
 * callee preserves s0 to s7 ($16 to $23), gp ($28), fp ($30) and f24 to f31; the rounding mode, in
 * FCSR, is a thread's; sp is a multiple of 16 at all times. A function is called by its address in
 * t9 ($25).
 *
 *     sp + 152  ra, the return address          sp + 88  ra, the return address
 *     sp + 144  fp                              sp + 80  fp
 *     sp + 136  gp                              sp + 72  gp
 *     sp + 128  s7                              sp + 64  s7
 *       ...                                       ...
 *     sp +  72  s0                              sp +  8  s0
 *     sp +  64  FCSR (4 bytes)                  sp +  0  unused
 *     sp +  56  f31
 *       ...
 *     sp +   0  f24
 *
 * The frame has 160 bytes with floating-point unit (left), 96 without. */
#define SWITCHLIB_ABI "mips64-n64"

#if defined(__mips_hard_float)
#  define FLOATS "64"
#  define EACH_FLOAT(do) \
    do(24, 56, 0) do(25, 57, 8) do(26, 58, 16) do(27, 59, 24) \
    do(28, 60, 32) do(29, 61, 40) do(30, 62, 48) do(31, 63, 56)
#  define SAVE_FCSR "cfc1 $2, $31\nsw $2, " FLOATS "($sp)\n"
#  define LOAD_FCSR "lw $3, " FLOATS "($sp)\nctc1 $3, $31\n"
#else
#  define FLOATS "0"
#  define EACH_FLOAT(do)
#  define SAVE_FCSR
#  define LOAD_FCSR
#endif
#define FRAME FLOATS " + 96"
#define EACH(do) \
    do(16, 8) do(17, 16) do(18, 24) do(19, 32) do(20, 40) do(21, 48) do(22, 56) do(23, 64) \
    do(28, 72) do(30, 80) do(31, 88)

#define SAVE(reg, at) \
    "sd $" #reg ", " FLOATS " + " #at "($sp)\n.cfi_rel_offset " #reg ", " FLOATS " + " #at "\n"
#define LOAD(reg, at) "ld $" #reg ", " FLOATS " + " #at "($sp)\n.cfi_restore " #reg "\n"
#define SAVE_FLOAT(reg, dwarf, at) \
    "sdc1 $f" #reg ", " #at "($sp)\n.cfi_rel_offset " #dwarf ", " #at "\n"
#define LOAD_FLOAT(reg, dwarf, at) "ldc1 $f" #reg ", " #at "($sp)\n.cfi_restore " #dwarf "\n"

/* Saves all, and calls `save`; its answer is in $2, `restore` or `begin` in $16, `arg` in $17. */
#define SAVE_AND_ASK \
    "daddiu $sp, $sp, -(" FRAME ")\n.cfi_adjust_cfa_offset " FRAME "\n" \
    EACH(SAVE) \
    EACH_FLOAT(SAVE_FLOAT) \
    SAVE_FCSR \
    "move $16, $5\n" \
    "move $17, $6\n" \
    "move $25, $4\n" \
    "move $4, $sp\n" \
    "move $5, $6\n" \
    "jalr $25\n"

__asm__(
    ".set push\n"
    ".set reorder\n"                /* the assembler fills the slots after branches */
    FUNCTION_BEGIN(switchlib_swap_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    "beqz $2, 1f\n"
    "move $sp, $2\n"                /* the switch */
    "move $4, $17\n"
    "move $25, $16\n"
    "jalr $25\n"
    "1:\n"
    LOAD_FCSR
    EACH_FLOAT(LOAD_FLOAT)
    EACH(LOAD)
    "daddiu $sp, $sp, " FRAME "\n.cfi_adjust_cfa_offset -(" FRAME ")\n"
    "jr $31\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_swap_stack)

    FUNCTION_BEGIN(switchlib_start_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    ".cfi_undefined 31\n"           /* no unwinder goes past this call */
    "move $sp, $2\n"
    "move $30, $0\n"
    "move $4, $17\n"
    "move $25, $16\n"
    "jalr $25\n"
    "break\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_start_stack)
    ".set pop\n"
);
