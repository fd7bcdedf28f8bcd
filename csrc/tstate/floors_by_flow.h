/* Floors by the flow of control: the depth of the stack at each instruction, less its operands.
 * The version's file, which includes this, has four functions for it. */

enum { UNKNOWN = FLOORS_MAX + 1 };

typedef struct Flow {
    const _Py_CODEUNIT *units;
    int count;
    int stack_size;
    uint8_t *floors;
    uint8_t *depths;                /* of the stack before each instruction, or UNKNOWN */
    int *waiting;                   /* those whose successors have not been visited */
    int waiting_count;
} Flow;

/* How many values the instruction may touch; -1 if it has no floor. */
static int operands(int opcode, int oparg);

/* Where the instruction may jump to; -1 if it does not jump. `next` is the one after it. */
static int jump(int opcode, int oparg, int next);

/* Whether control may go from it to the next one. */
static bool falls_through(int opcode);

/* Calls flow_to with each instruction at which control may arrive in another way; false as
 * there. */
static bool begin_flow(Flow *flow, PyCodeObject *code);

/* Control may go to the instruction with a stack of this depth. false if that is impossible:
 * then the assumptions about the code are wrong. */
static bool
flow_to(Flow *flow, int instruction, int depth)
{
    if (instruction < 0 || instruction >= flow->count || depth < 0 || depth > flow->stack_size
        || (instruction > 0 && _Py_OPCODE(flow->units[instruction - 1]) == EXTENDED_ARG)) {
        return false;
    }
    uint8_t known = flow->depths[instruction];
    if (known == UNKNOWN) {
        flow->depths[instruction] = (uint8_t)depth;
        flow->waiting[flow->waiting_count++] = instruction;
    }
    return known == UNKNOWN || known == depth;
}

static bool
flow_along(Flow *flow, int opcode, int oparg, int is_jump, int depth, int to)
{
    int effect = PyCompile_OpcodeStackEffectWithJump(opcode, oparg, is_jump);
    return effect != PY_INVALID_STACK_EFFECT && flow_to(flow, to, depth + effect);
}

/* Continues from an instruction that was waiting. `instruction` is first that of its
 * EXTENDED_ARGs, if it has any, where a frame is on 3.10. No jump may lead past these. */
static bool
flow_from(Flow *flow, int instruction)
{
    int first = instruction, depth = flow->depths[instruction];
    int opcode, oparg = 0;
    for (;;) {
        opcode = _Py_OPCODE(flow->units[instruction]);
        oparg = oparg << 8 | _Py_OPARG(flow->units[instruction]);
        if (opcode != EXTENDED_ARG || instruction + 1 >= flow->count) {
            break;
        }
        instruction++;
    }
    int next = instruction + 1;
    while (next < flow->count && _Py_OPCODE(flow->units[next]) == CACHE) {
        next++;
    }
    int target = jump(opcode, oparg, next);
    int touched = operands(opcode, oparg);
    for (int i = first; touched >= 0 && touched <= depth && i <= instruction; i++) {
        flow->floors[i] = (uint8_t)(depth - touched);
    }
    return (target < 0 || flow_along(flow, opcode, oparg, 1, depth, target))
        && (!falls_through(opcode) || flow_along(flow, opcode, oparg, 0, depth, next));
}

static bool
find_floors(PyCodeObject *code, const _Py_CODEUNIT *units, int count, uint8_t *floors)
{
    Flow flow = {
        .units = units,
        .count = count,
        .stack_size = code->co_stacksize,
        .floors = floors,
        .depths = PyMem_RawMalloc(count),
        .waiting = PyMem_RawMalloc(count * sizeof(int)),
    };
    bool makes_sense = flow.depths != NULL && flow.waiting != NULL;
    if (makes_sense) {
        memset(flow.depths, UNKNOWN, count);
        makes_sense = begin_flow(&flow, code);
    }
    while (makes_sense && flow.waiting_count > 0) {
        makes_sense = flow_from(&flow, flow.waiting[--flow.waiting_count]);
    }
    PyMem_RawFree(flow.depths);
    PyMem_RawFree(flow.waiting);
    return makes_sense;
}
