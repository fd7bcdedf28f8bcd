/* Chooses the one assembly file. The preprocessor does it, not the build script, because one
 * source may be compiled for two CPUs at once (macOS universal binaries). */
#include "asm.h"

/* How the object format spells a hidden function. */
#if defined(__APPLE__)
#  define FUNCTION_BEGIN(name) \
    ".text\n.private_extern _" #name "\n.globl _" #name "\n.p2align 4\n_" #name ":\n"
#  define FUNCTION_END(name) ""
#else
#  define FUNCTION_BEGIN(name) \
    ".text\n.globl " #name "\n.hidden " #name "\n.type " #name ", %function\n" \
                               ".p2align 4\n" #name ":\n"
#  define FUNCTION_END(name) ".size " #name ", .-" #name "\n"
#endif

#if defined(__x86_64__) && !defined(_WIN32)
#  include "x86_64_sysv.h"
#elif defined(__i386__) && !defined(_WIN32)
#  include "i386_sysv.h"
#elif defined(__aarch64__) && defined(__LP64__)
#  include "aarch64_aapcs64.h"
#elif defined(__arm__) && defined(__ARM_EABI__)
#  include "arm_aapcs.h"
#elif defined(__riscv) && __riscv_xlen == 64
#  include "riscv64.h"
#elif defined(__powerpc64__) && defined(_CALL_ELF) && _CALL_ELF == 2
#  include "ppc64_elfv2.h"
#elif defined(__s390x__)
#  include "s390x.h"
#elif defined(__mips64) && defined(_ABI64) && _MIPS_SIM == _ABI64
#  include "mips64_n64.h"
#elif defined(__loongarch_lp64)
#  include "loongarch64.h"
#else
#  error "switchlib does not know this CPU or ABI: write asm/<abi>.h, see docs/cpus.md"
#endif

const char *const switchlib_abi = SWITCHLIB_ABI;
