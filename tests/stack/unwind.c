#include "unwind.h"

#include "../../asm/asm.h"
#include "../../csrc/stack.h"

#include <unwind.h>

typedef struct world {
    stack_slice first, second, third;
    int depth;
    unwind_report *report;
} world;

static _Unwind_Reason_Code
count(struct _Unwind_Context *context, void *frames)
{
    /* Some unwinders report the end as one more frame. */
    *(int *)frames += _Unwind_GetIP(context) != 0;
    return *(int *)frames < 1000 ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* Not counting itself. */
static __attribute__((noinline)) int
count_frames(void)
{
    int frames = 0;
    _Unwind_Backtrace(count, &frames);
    return frames - 1;
}

static __attribute__((noinline)) int
count_deeper(int depth)
{
    int frames = depth == 0 ? count_frames() : count_deeper(depth - 1);
    __asm__ volatile("" : "+r"(frames));        /* so that the call before it is no tail call */
    return frames;
}

static __attribute__((noinline)) void *
leave_to_begin(void *sp, void *arg)
{
    world *w = arg;
    w->report->in_save = count_frames();
    w->first.start = sp;
    stack_begin(&w->second, sp, &w->first);
    return sp;
}

/* A third one begins where the second one ends, in its place. */
static __attribute__((noinline)) void *
leave_for_good_to_begin(void *sp, void *arg)
{
    (void)sp;
    world *w = arg;
    stack_begin(&w->third, w->second.stop, &w->second);
    return w->third.stop;
}

static __attribute__((noinline)) void *
leave_for_good(void *sp, void *arg)
{
    (void)sp;
    world *w = arg;
    stack_save(&w->third, &w->first);   /* saves nothing, since no stack but these is there */
    return w->first.start;
}

static __attribute__((noinline)) void *
arrive(void *arg)
{
    world *w = arg;
    stack_restore(&w->first, &w->third);
    w->report->in_restore = count_frames();
    return w;
}

static __attribute__((noinline)) void
begin_at_an_end(void *arg)
{
    world *w = arg;
    w->report->begun_at_an_end = count_deeper(w->depth);
    switchlib_swap_stack(leave_for_good, arrive, w);
}

static __attribute__((noinline)) void
begin(void *arg)
{
    world *w = arg;
    w->report->begun = count_deeper(w->depth);
    switchlib_start_stack(leave_for_good_to_begin, begin_at_an_end, w);
}

void
unwind_run(int depth, unwind_report *report)
{
    world w = {.first.stop = STACK_END, .depth = depth, .report = report};
    report->here = count_frames();
    switchlib_start_stack(leave_to_begin, begin, &w);
    stack_forget(&w.first);
    stack_forget(&w.second);
    stack_forget(&w.third);
}
