/* Chooses the one assembly file. The preprocessor does it, not the build script, because one source may be
 * compiled for two CPUs at once (macOS universal binaries). */
#include "asm.h"

#if defined(__x86_64__) && !defined(__ILP32__) && !defined(_WIN32)
#  include "x86_64_sysv.h"
#else
#  error "switchlib has no register switch for this CPU and ABI: write asm/<abi>.h as asm/asm.h tells, and name it in asm/asm.c"
#endif

const char *const switchlib_abi = SWITCHLIB_ABI;
