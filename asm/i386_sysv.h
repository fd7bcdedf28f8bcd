/* i386, System V ABI (Linux, the BSDs).
 *
 * System V Application Binary Interface, Intel386 Architecture Processor Supplement, 1.1, 2.2 and
 * 2.3: a callee preserves ebp, ebx, esi, edi, the x87 control word and the control bits of MXCSR;
 * esp is a multiple of 16 at a call; arguments are passed on the stack. Code compiled for CPUs
 * without SSE knows no MXCSR.
 *
 *     sp + 28   return address
 *     sp + 24   ebp
 *     sp + 20   ebx
 *     sp + 16   esi
 *     sp + 12   edi
 *     sp +  8   unused
 *     sp +  4   x87 control word (2 bytes)
 *     sp +  0   MXCSR (4 bytes), or unused
 *
 * The frame has 32 bytes. The arguments of `save` and `restore` lie below sp. They are not
 * needed after the call, so they are not part of what is copied. */
#define SWITCHLIB_ABI "i386-sysv"

#if defined(__SSE__)
#  define SAVE_MXCSR "stmxcsr (%esp)\n"
#  define LOAD_MXCSR "ldmxcsr (%esp)\n"
#else
#  define SAVE_MXCSR
#  define LOAD_MXCSR
#endif

/* Pushes all, and calls `save`; its answer is in eax, `restore` or `begin` in ebx, `arg` in esi. */
#define SAVE_AND_ASK \
    "pushl %ebp\n.cfi_adjust_cfa_offset 4\n.cfi_rel_offset %ebp, 0\n" \
    "pushl %ebx\n.cfi_adjust_cfa_offset 4\n.cfi_rel_offset %ebx, 0\n" \
    "pushl %esi\n.cfi_adjust_cfa_offset 4\n.cfi_rel_offset %esi, 0\n" \
    "pushl %edi\n.cfi_adjust_cfa_offset 4\n.cfi_rel_offset %edi, 0\n" \
    "subl $12, %esp\n.cfi_adjust_cfa_offset 12\n" \
    SAVE_MXCSR \
    "fnstcw 4(%esp)\n" \
    "movl 32(%esp), %eax\n"         /* save */ \
    "movl 36(%esp), %ebx\n" \
    "movl 40(%esp), %esi\n" \
    "movl %esp, %ecx\n" \
    "subl $16, %esp\n.cfi_adjust_cfa_offset 16\n" \
    "movl %ecx, (%esp)\n" \
    "movl %esi, 4(%esp)\n" \
    "calll *%eax\n"

__asm__(
    FUNCTION_BEGIN(switchlib_swap_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    "testl %eax, %eax\n"
    "je 1f\n"
    "leal -16(%eax), %esp\n"        /* the switch */
    "movl %esi, (%esp)\n"
    "calll *%ebx\n"
    "1:\n"
    "addl $16, %esp\n.cfi_adjust_cfa_offset -16\n"
    LOAD_MXCSR
    "fldcw 4(%esp)\n"
    "addl $12, %esp\n.cfi_adjust_cfa_offset -12\n"
    "popl %edi\n.cfi_adjust_cfa_offset -4\n.cfi_restore %edi\n"
    "popl %esi\n.cfi_adjust_cfa_offset -4\n.cfi_restore %esi\n"
    "popl %ebx\n.cfi_adjust_cfa_offset -4\n.cfi_restore %ebx\n"
    "popl %ebp\n.cfi_adjust_cfa_offset -4\n.cfi_restore %ebp\n"
    "retl\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_swap_stack)

    FUNCTION_BEGIN(switchlib_start_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    ".cfi_undefined %eip\n"         /* no unwinder goes past this call */
    "leal -16(%eax), %esp\n"
    "xorl %ebp, %ebp\n"
    "movl %esi, (%esp)\n"
    "calll *%ebx\n"
    "ud2\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_start_stack)
);
