/* Floors on CPython 3.11 to 3.13: the depth at which the stack is kept if the instruction
 * raises. On these versions nothing says whether a frame is being unwound, and how far. */

#include "exception_table.h"

static bool
opcodes_match(void)
{
    return true;                    /* they are the same in all releases */
}

static bool
has_floor(int opcode)
{
    switch (opcode) {
#ifdef PRECALL
    case PRECALL:                   /* on 3.11: some calls are made there */
#endif
#ifdef CALL_KW
    case CALL_KW:
#endif
    case CALL:
    case CALL_FUNCTION_EX:
    case FOR_ITER:
    case SEND:
        return true;
    default:                        /* after a jump, an error is raised as from its target */
        return false;
    }
}

static bool
find_handler(PyCodeObject *code, int instruction, Handler *handler)
{
    for (const uint8_t *p = NULL; read_handler(code, &p, handler);) {
        if (handler->start <= instruction && instruction < handler->end) {
            return true;
        }
    }
    return false;
}

/* RERAISE takes an instruction whose number was pushed for the frame's current one, but unwinds
 * from where RERAISE itself is. So only a handler that does not get the number ends the search. */
static int
depth_kept(PyCodeObject *code, int instruction)
{
    Handler handler;
    for (int depth = INT_MAX; find_handler(code, instruction, &handler); depth = handler.depth) {
        if (handler.depth > depth) {
            return 0;               /* the compiler does not make this */
        }
        if (!handler.pushes_lasti) {
            return handler.depth;
        }
        instruction = handler.target;
    }
    return 0;
}

static bool
find_floors(PyCodeObject *code, const _Py_CODEUNIT *units, int count, uint8_t *floors)
{
    for (int i = 0; i < count; i++) {
        if (has_floor(_Py_OPCODE(units[i]))) {
            floors[i] = (uint8_t)depth_kept(code, i);
        }
    }
    return true;
}
