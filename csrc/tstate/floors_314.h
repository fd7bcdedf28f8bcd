/* Floors from CPython 3.14 on. */
#include "exception_table.h"
#include "floors_by_flow.h"

#include <internal/pycore_magic_number.h>

static bool
opcodes_match(void)
{
    return PyImport_GetMagicNumber() == (long)PYC_MAGIC_NUMBER_TOKEN;
}

/* Iterators stay where they are while they run, and a POP_ITER or END_SEND drops them. */
static int
operands(int opcode, int oparg)
{
    switch (opcode) {
    case CALL:
        return 2 + oparg;
    case CALL_KW:
        return 3 + oparg;
    case CALL_FUNCTION_EX:
        return 4;
    case FOR_ITER:
        return 0;
    case SEND:
        return 1;
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
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
    case POP_JUMP_IF_TRUE:
    case SEND:
        return next + oparg;
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
        return next - oparg;
    default:
        return -1;
    }
}

static bool
falls_through(int opcode)
{
    switch (opcode) {
    case INTERPRETER_EXIT:
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
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
    Handler handler;
    bool makes_sense = flow_to(flow, 0, 0);
    for (const uint8_t *p = NULL; makes_sense && read_handler(code, &p, &handler);) {
        int depth = handler.depth + handler.pushes_lasti + 1;
        makes_sense = flow_to(flow, handler.target, depth);
    }
    return makes_sense;
}
