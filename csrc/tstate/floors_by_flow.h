/* Floors by the flow of control: the depth of the stack at each instruction, less its operands.
 * The version's file, which includes this, has four functions for it. */

enum { UNKNOWN = FLOORS_MAX + 1 };

typedef struct Flow {
    const _Py_CODEUNIT *units;
    int count;
    int stack_size;
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

/* Calls flow_to with each instruction at which control may arrive otherwise; false as there. */
static bool begin_flow(Flow *flow, PyCodeObject *code);

/* Control may go to the instruction with a stack of this depth. false if that cannot be so: what
 * is thought of the code is wrong. */
static bool
flow_to(Flow *flow, int instruction, int depth)
{
    if (instruction < 0 || instruction >= flow->count || depth < 0 || depth > flow->stack_size) {
        return false;
    }
    uint8_t known = flow->depths[instruction];
    if (known == UNKNOWN) {
        flow->depths[instruction] = (uint8_t)depth;
        flow->waiting[flow->waiting_count++] = instruction;
    }
    return known == UNKNOWN || known == depth;
}

/* With what EXTENDED_ARGs before it add. */
static int
oparg_of(const _Py_CODEUNIT *units, int instruction)
{
    int oparg = _Py_OPARG(units[instruction]);
    for (int i = instruction - 1, shift = 8; i >= 0 && shift < 32; i--, shift += 8) {
        if (_Py_OPCODE(units[i]) != EXTENDED_ARG) {
            break;
        }
        oparg |= _Py_OPARG(units[i]) << shift;
    }
    return oparg;
}

static bool
flow_along(Flow *flow, int opcode, int oparg, int is_jump, int from, int to)
{
    int effect = PyCompile_OpcodeStackEffectWithJump(opcode, oparg, is_jump);
    return effect != PY_INVALID_STACK_EFFECT && flow_to(flow, to, flow->depths[from] + effect);
}

static bool
flow_from(Flow *flow, int instruction)
{
    int opcode = _Py_OPCODE(flow->units[instruction]);
    int oparg = oparg_of(flow->units, instruction);
    int next = instruction + 1;
    if (opcode == EXTENDED_ARG) {
        return flow_to(flow, next, flow->depths[instruction]);
    }
    while (next < flow->count && _Py_OPCODE(flow->units[next]) == CACHE) {
        next++;
    }
    int target = jump(opcode, oparg, next);
    return (target < 0 || flow_along(flow, opcode, oparg, 1, instruction, target))
        && (!falls_through(opcode) || flow_along(flow, opcode, oparg, 0, instruction, next));
}

static bool
find_floors(PyCodeObject *code, const _Py_CODEUNIT *units, int count, uint8_t *floors)
{
    Flow flow = {.units = units, .count = count, .stack_size = code->co_stacksize,
                 .depths = floors, .waiting = PyMem_RawMalloc(count * sizeof(int))};
    memset(floors, UNKNOWN, count);
    bool makes_sense = flow.waiting != NULL && begin_flow(&flow, code);
    while (makes_sense && flow.waiting_count > 0) {
        makes_sense = flow_from(&flow, flow.waiting[--flow.waiting_count]);
    }
    PyMem_RawFree(flow.waiting);
    for (int i = 0; makes_sense && i < count; i++) {
        int touched = operands(_Py_OPCODE(units[i]), oparg_of(units, i));
        bool has_floor = floors[i] != UNKNOWN && touched >= 0 && touched <= floors[i];
        floors[i] = has_floor ? (uint8_t)(floors[i] - touched) : 0;
    }
    return makes_sense;
}
