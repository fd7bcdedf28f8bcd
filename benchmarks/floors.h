/* What a switch is without an interpreter around it: the register switch and the stack layer. */

typedef struct {
    double seconds;             /* of processor time, for one switch */
    size_t bytes;               /* how many are copied at each: out to the heap, and back at the next */
} floors_found;

/* Switches to a coroutine with so many bytes of local variables, and back. */
floors_found floors_switch(size_t locals, long switches);
