/* What an unwinder finds on a stack of the stack layer. */
#ifndef SWITCHLIB_UNWIND_H
#define SWITCHLIB_UNWIND_H

typedef struct unwind_report {
    int here;           /* frames above the function that called swap_stack, itself included */
    int in_save;        /* the same, counted in `save`: with swap_stack and `save` */
    int in_restore;     /* in `restore`, on a stack that it came back to: with swap_stack and `restore` */
    int begun;          /* on a new stack, `depth` calls below its first function */
} unwind_report;

void unwind_run(int depth, unwind_report *report);

#endif
