#include "soon.h"

#include "enter.h"
#include "kill.h"

#include <time.h>

/* The interpreter has two queues of calls. For each: whether our call is in it, and whether it
 * is being made. A victim may leave that call for a long time, and meanwhile no other call of
 * that queue is made. */
typedef struct Queue {
    int (*call)(void *);
    bool of_main_thread;
    bool has_ours;
    bool is_at_work;
} Queue;

static int call_from_main(void *);
static int call_from_any(void *);
static Queue main_queue = {.call = call_from_main, .of_main_thread = true};
static Queue any_queue = {.call = call_from_any};

/* The number of the main thread's state (tstate_id), once it is known. */
static uint64_t main_id;

/* A call that comes at the wrong time, or in the wrong thread, is put off, but not for ever: the
 * collector may have been left for good, and a thread may wait for a long time. */
#define MOST_PUT_OFF 100000
#define MOST_GIVEN_WAY 8
#define GIVEN_WAY_NS 100000

static int put_off, given_way;

static bool
add_call(Queue *queue)
{
    if (!queue->has_ours && !queue->is_at_work) {
        queue->has_ours = tstate_call_soon(queue->call, queue->of_main_thread) == 0;
    }
    return queue->has_ours;
}

/* Whether something waits in a thread other than the main one and this one. */
static bool
others_wait(const Thread *running)
{
    for (const Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        if (thread->unreachable != NULL && thread != running && thread->id != main_id
            && thread->of_main_interpreter) {
            return true;
        }
    }
    return false;
}

void
kill_soon(void)
{
    put_off = given_way = 0;
    for (const Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        if (thread->unreachable != NULL && thread->of_main_interpreter) {
            if (thread->id == main_id || !add_call(&any_queue) || main_id == 0) {
                add_call(&main_queue);
            }
        }
    }
}

/* The thread concerned is another one, which may want to run: on its way out of the collector it
 * may have been asked to let this thread run. */
static void
give_way(void)
{
    if (given_way < MOST_GIVEN_WAY) {
        given_way++;
        PyThreadState *ts = PyEval_SaveThread();
        nanosleep(&(struct timespec){.tv_nsec = GIVEN_WAY_NS}, NULL);
        PyEval_RestoreThread(ts);
        add_call(&any_queue);
    }
}

static int
answer(Queue *queue)
{
    queue->has_ours = false;
    PyThreadState *ts = tstate_get();
    if (closing || tstate_finalizing()) {
        return 0;
    }
    if (tstate_collecting(ts)) {
        if (put_off < MOST_PUT_OFF) {
            put_off++;
            add_call(queue);
        }
        return 0;
    }
    Thread *running = thread_find();
    if (running != NULL && running->unreachable != NULL) {
        queue->is_at_work = true;
        kill_doomed(running);
        queue->is_at_work = false;
    }
    if (!queue->of_main_thread && others_wait(running)) {
        give_way();
    }
    return 0;
}

static int
call_from_main(void *Py_UNUSED(ignored))
{
    main_id = tstate_id(tstate_get());
    return answer(&main_queue);
}

static int
call_from_any(void *Py_UNUSED(ignored))
{
    return answer(&any_queue);
}
