/* Floors on CPython 3.10. */
enum { CACHE = 0 };                 /* what later versions have between instructions */

#include "floors_by_flow.h"

#define PyCode_GetCode(code) Py_NewRef((code)->co_code)

static bool
opcodes_match(void)
{
    return true;                    /* they are the same in all releases */
}

/* Of an iterator that runs, frames_310.h knows more. */
static int
operands(int opcode, int oparg)
{
    switch (opcode) {
    case CALL_FUNCTION:
        return 1 + oparg;
    case CALL_FUNCTION_KW:
    case CALL_METHOD:
        return 2 + oparg;
    case CALL_FUNCTION_EX:
        return 2 + (oparg & 1);
    case FOR_ITER:
        return 1;
    case YIELD_FROM:
        return 2;
    default:
        return -1;
    }
}

static int
jump(int opcode, int oparg, int next)
{
    switch (opcode) {
    case FOR_ITER:
    case JUMP_FORWARD:
    case SETUP_ASYNC_WITH:
    case SETUP_FINALLY:
    case SETUP_WITH:
        return next + oparg;
    case JUMP_ABSOLUTE:
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_NOT_EXC_MATCH:
    case JUMP_IF_TRUE_OR_POP:
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
        return oparg;
    default:
        return -1;
    }
}

static bool
falls_through(int opcode)
{
    switch (opcode) {
    case JUMP_ABSOLUTE:
    case JUMP_FORWARD:
    case RAISE_VARARGS:
    case RERAISE:
    case RETURN_VALUE:
        return false;
    default:
        return true;
    }
}

static bool
begin_flow(Flow *flow, PyCodeObject *code)
{
    const int generators = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR;
    return flow_to(flow, 0, (code->co_flags & generators) != 0);    /* what they are sent first */
}
