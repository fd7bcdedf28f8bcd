/* Power, 64 bits: ELFv2 (Linux: ppc64le).
 *
 * Power Architecture 64-Bit ELF V2 ABI Specification, 2.2.1 to 2.2.3: a callee preserves r14 to
 * r31, cr2 to cr4, f14 to f31, v20 to v31, VRSAVE and the control bits of FPSCR, and r2, the TOC
 * pointer, for callers in its own module; r1, the stack pointer, is a multiple of 16. Each caller
 * leaves a header of 32 bytes at its stack pointer: the back chain, then room for its callee's cr
 * and lr and for its own r2. A function is called by its address in r12.
 *
 *     sp + 512  lr, the return address   \
 *     sp + 504  cr (4 bytes)               >  in the header that the caller left
 *     sp + 496  the caller's back chain  /
 *     sp + 488  VRSAVE (4 bytes)
 *     sp + 480  FPSCR
 *     sp + 472  r31
 *       ...
 *     sp + 336  r14
 *     sp + 328  f31
 *       ...
 *     sp + 192  f14
 *     sp + 176  v31 (16 bytes)
 *       ...
 *     sp +   0  v20 (16 bytes)
 *
 * The frame has 496 bytes, without those of the caller. The header that `save` and `restore`
 * need in turn lies below sp: r1 is sp - 32. It is not needed after the call, so it is not part
 * of what is copied; at the end of a stack it is the new stack's first. */
#define SWITCHLIB_ABI "ppc64-elfv2"

#define EACH_VECTOR(do) \
    do(20, 97, 32) do(21, 98, 48) do(22, 99, 64) do(23, 100, 80) do(24, 101, 96) do(25, 102, 112) \
    do(26, 103, 128) do(27, 104, 144) do(28, 105, 160) \
    do(29, 106, 176) do(30, 107, 192) do(31, 108, 208)
#define SAVE_VECTOR(reg, dwarf, at) \
    "li 11, " #at "\nstvx " #reg ", 11, 1\n.cfi_rel_offset " #dwarf ", " #at "\n"
#define LOAD_VECTOR(reg, dwarf, at) "li 11, " #at "\nlvx " #reg ", 11, 1\n.cfi_restore " #dwarf "\n"

#define EACH_FLOAT(do) \
    do(14, 46, 224) do(15, 47, 232) do(16, 48, 240) \
    do(17, 49, 248) do(18, 50, 256) do(19, 51, 264) \
    do(20, 52, 272) do(21, 53, 280) do(22, 54, 288) \
    do(23, 55, 296) do(24, 56, 304) do(25, 57, 312) \
    do(26, 58, 320) do(27, 59, 328) do(28, 60, 336) do(29, 61, 344) do(30, 62, 352) do(31, 63, 360)
#define SAVE_FLOAT(reg, dwarf, at) \
    "stfd " #reg ", " #at "(1)\n.cfi_rel_offset " #dwarf ", " #at "\n"
#define LOAD_FLOAT(reg, dwarf, at) "lfd " #reg ", " #at "(1)\n.cfi_restore " #dwarf "\n"

#define EACH(do) \
    do(14, 368) do(15, 376) do(16, 384) do(17, 392) do(18, 400) \
    do(19, 408) do(20, 416) do(21, 424) do(22, 432) \
    do(23, 440) do(24, 448) do(25, 456) do(26, 464) do(27, 472) \
    do(28, 480) do(29, 488) do(30, 496) do(31, 504)
#define SAVE(reg, at) "std " #reg ", " #at "(1)\n.cfi_rel_offset " #reg ", " #at "\n"
#define LOAD(reg, at) "ld " #reg ", " #at "(1)\n.cfi_restore " #reg "\n"

#define CALL "std 2, 24(1)\nbctrl\nld 2, 24(1)\n"

/* Saves all, and calls `save`; its answer is in r3, `restore` or `begin` in r14, `arg` in r15. */
#define SAVE_AND_ASK \
    "mflr 0\nstd 0, 16(1)\n.cfi_offset 65, 16\n" \
    "mfcr 0\nstw 0, 8(1)\n.cfi_offset 70, 8\n.cfi_offset 71, 8\n.cfi_offset 72, 8\n" \
    "stdu 1, -528(1)\n.cfi_adjust_cfa_offset 528\n" \
    EACH(SAVE) \
    EACH_FLOAT(SAVE_FLOAT) \
    EACH_VECTOR(SAVE_VECTOR) \
    "mffs 0\nstfd 0, 512(1)\n" \
    "mfspr 0, 256\nstw 0, 520(1)\n" /* VRSAVE */ \
    "mr 14, 4\n" \
    "mr 15, 5\n" \
    "mr 12, 3\n" \
    "mtctr 12\n" \
    "addi 3, 1, 32\n" \
    "mr 4, 5\n" \
    CALL

__asm__(
    FUNCTION_BEGIN(switchlib_swap_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    "cmpdi 3, 0\n"
    "beq 1f\n"
    "addi 1, 3, -32\n"              /* the switch */
    "addi 0, 1, 528\n"
    "std 0, 0(1)\n"
    "mr 3, 15\n"
    "mr 12, 14\n"
    "mtctr 12\n"
    CALL
    "1:\n"
    "lwz 0, 520(1)\nmtspr 256, 0\n"
    "lfd 0, 512(1)\nmtfsf 255, 0, 1, 0\n"
    EACH_VECTOR(LOAD_VECTOR)
    EACH_FLOAT(LOAD_FLOAT)
    EACH(LOAD)
    "addi 1, 1, 528\n.cfi_adjust_cfa_offset -528\n"
    "lwz 0, 8(1)\nmtcrf 0x38, 0\n.cfi_restore 70\n.cfi_restore 71\n.cfi_restore 72\n"
    "ld 0, 16(1)\nmtlr 0\n.cfi_restore 65\n"
    "blr\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_swap_stack)

    FUNCTION_BEGIN(switchlib_start_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    ".cfi_undefined 65\n"           /* no unwinder goes past this call */
    "addi 1, 3, -32\n"
    "li 0, 0\n"
    "std 0, 0(1)\n"                 /* no back chain */
    "mr 3, 15\n"
    "mr 12, 14\n"
    "mtctr 12\n"
    CALL
    "trap\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_start_stack)
);
