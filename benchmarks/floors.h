/* What a switch is without a greenlet around it: the register switch and the stack layer, and the
 * thread's state. */

typedef struct {
    double seconds;             /* of processor time, for one switch */
    size_t bytes;               /* copied at each: out to the heap, and back at the next */
} floors_found;

/* Switches to a coroutine with this many bytes of local variables, and back; if `state_too`,
 * Python's thread state is swapped as well. Unless it is 0, `decide` is the address of a Python
 * function, which is called before each switch with one argument, itself; else no Python code
 * runs meanwhile. */
floors_found floors_switch(size_t locals, long switches, int state_too, size_t decide);

/* The processor time, in seconds, to copy this many bytes, out and back in turn, between two places
 * whose addresses are `apart` modulo 4 KiB. -1 if there is no memory. */
double floors_copy(size_t bytes, size_t apart);

/* The processor time, in seconds, to read a block of this many bytes, whole. Each block has the
 * address of the one that is read next, in random order. They lie in huge pages where the kernel
 * has them. 0 if there is no memory. */
double floors_read(size_t blocks, size_t bytes);
