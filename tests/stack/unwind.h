/* What an unwinder finds on a stack of the stack layer. */
#ifndef SWITCHLIB_UNWIND_H
#define SWITCHLIB_UNWIND_H

typedef struct unwind_report {
    int here;               /* frames above the function that called start_stack, itself included */
    int in_save;            /* the same, counted in `save`: with start_stack and `save` */
    int in_restore;         /* in `restore`, back on a stack: with start_stack and `restore` */
    int begun;              /* on a new stack, `depth` calls below its first function */
    int begun_at_an_end;    /* the same on one that began in the place of a stack that ended */
} unwind_report;

void unwind_run(int depth, unwind_report *report);

#endif
