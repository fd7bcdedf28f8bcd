/* x86-64, System V ABI (Linux, the BSDs, macOS), and x32, its variant with pointers of 32 bits.
 *
 * System V Application Binary Interface, AMD64 Architecture Processor Supplement, 3.2.1 and 3.2.3:
 * a callee preserves rbx, rbp, r12 to r15, the control bits of MXCSR and the x87 control word; rsp
 * is a multiple of 16 at a call; the red zone below rsp belongs to leaf functions only, which
 * swap_stack is not.
 *
 *     sp + 56   return address
 *     sp + 48   rbp
 *     sp + 40   rbx
 *     sp + 32   r12
 *     sp + 24   r13
 *     sp + 16   r14
 *     sp +  8   r15
 *     sp +  4   x87 control word (2 bytes)
 *     sp +  0   MXCSR (4 bytes)
 *
 * The frame has 64 bytes, and they are copied at each suspension. The control words are loaded
 * only if they differ from those of the stack that was left: a load empties the pipeline, and
 * they hardly ever do. */
#if defined(__ILP32__)
#  define SWITCHLIB_ABI "x86_64-x32"
#else
#  define SWITCHLIB_ABI "x86_64-sysv"
#endif

/* Pushes all, and calls `save`; its answer is in rax, `restore` or `begin` in rbx, `arg` in r12. */
#define SAVE_AND_ASK \
    "pushq %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n" \
    "pushq %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n" \
    "pushq %r12\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %r12, 0\n" \
    "pushq %r13\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %r13, 0\n" \
    "pushq %r14\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %r14, 0\n" \
    "pushq %r15\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %r15, 0\n" \
    "subq $8, %rsp\n.cfi_adjust_cfa_offset 8\n" \
    "stmxcsr (%rsp)\n" \
    "fnstcw 4(%rsp)\n" \
    "movl (%rsp), %r13d\n" \
    "movzwl 4(%rsp), %r14d\n" \
    "movq %rsi, %rbx\n" \
    "movq %rdx, %r12\n" \
    "movq %rdi, %rax\n" \
    "movq %rsp, %rdi\n" \
    "movq %rdx, %rsi\n" \
    "callq *%rax\n"

__asm__(
    FUNCTION_BEGIN(switchlib_swap_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    "testq %rax, %rax\n"
    "je 1f\n"
    "movq %rax, %rsp\n"             /* the switch; in x32 above a pointer are 32 zero bits */
    "movq %r12, %rdi\n"
    "callq *%rbx\n"
    "1:\n"
    "cmpl %r13d, (%rsp)\n"
    "jne 3f\n"
    "cmpw %r14w, 4(%rsp)\n"
    "jne 3f\n"
    "2:\n"
    ".cfi_remember_state\n"
    "addq $8, %rsp\n.cfi_adjust_cfa_offset -8\n"
    "popq %r15\n.cfi_adjust_cfa_offset -8\n.cfi_restore %r15\n"
    "popq %r14\n.cfi_adjust_cfa_offset -8\n.cfi_restore %r14\n"
    "popq %r13\n.cfi_adjust_cfa_offset -8\n.cfi_restore %r13\n"
    "popq %r12\n.cfi_adjust_cfa_offset -8\n.cfi_restore %r12\n"
    "popq %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\n"
    "popq %rbp\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbp\n"
    "retq\n"
    ".cfi_restore_state\n"
    "3:\n"
    "ldmxcsr (%rsp)\n"
    "fldcw 4(%rsp)\n"
    "jmp 2b\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_swap_stack)

    FUNCTION_BEGIN(switchlib_start_stack)
    ".cfi_startproc\n"
    SAVE_AND_ASK
    ".cfi_undefined %rip\n"         /* no unwinder goes past this call */
    "movq %rax, %rsp\n"
    "xorl %ebp, %ebp\n"
    "movq %r12, %rdi\n"
    "callq *%rbx\n"
    "ud2\n"
    ".cfi_endproc\n"
    FUNCTION_END(switchlib_start_stack)
);
