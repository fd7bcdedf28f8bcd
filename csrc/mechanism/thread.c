#include "thread.h"

static Thread nowhere;              /* for `last_thread` when none is known */
Thread *last_thread = &nowhere;
bool shortcuts = true;
int watched_events;
bool there_are_marks;
Py_ssize_t main_greenlets;
bool several_threads;

Thread *thread_buckets[THREAD_BUCKETS];
static Py_ssize_t count;

static Thread **
bucket_of(PyThreadState *ts)
{
    return &thread_buckets[((uintptr_t)ts >> 6) % THREAD_BUCKETS];
}

Thread *
thread_first_near(PyThreadState *ts)
{
    return *bucket_of(ts);
}

Thread *
thread_of(PyThreadState *ts)
{
    Thread *thread = *bucket_of(ts);
    while (thread != NULL && !is_thread_of(thread, ts)) {
        thread = thread->next;
    }
    return thread;
}

Thread *
thread_find_in_table(PyThreadState *ts)
{
    Thread *thread = thread_of(ts);
    if (thread != NULL) {
        last_thread = thread;
    }
    return thread;
}

Thread *
thread_after(const Thread *thread)
{
    if (thread != NULL && thread->next != NULL) {
        return thread->next;
    }
    Thread **bucket = thread == NULL ? thread_buckets : bucket_of(thread->tstate) + 1;
    for (; bucket < thread_buckets + THREAD_BUCKETS; bucket++) {
        if (*bucket != NULL) {
            return *bucket;
        }
    }
    return NULL;
}

void
thread_add(Thread *thread)
{
    Thread **bucket = bucket_of(thread->tstate);
    thread->next = *bucket;
    *bucket = thread;
    count++;
}

void
thread_remove(Thread *thread)
{
    if (last_thread == thread) {
        last_thread = &nowhere;
    }
    Thread **link = bucket_of(thread->tstate);
    while (*link != thread) {
        link = &(*link)->next;
    }
    *link = thread->next;
    count--;
}

Py_ssize_t
thread_count(void)
{
    return count;
}

void
update_fast_tstate(Thread *thread)
{
    int events = thread->of_main_interpreter ? watched_events : 0;
    bool is_watched = thread->tracer != NULL || (events & ~(CREATED | RECORDED_EVENTS)) != 0;
    thread->watched_by = (is_watched ? WATCHED : 0) | (events & RECORDED_EVENTS ? RECORDED : 0);
    bool fast = shortcuts && !is_watched && !thread->is_reporting && !there_are_marks
        && thread->doomed == NULL && thread->unreachable == NULL;
    thread->fast_tstate = fast ? thread->tstate : NULL;
    thread->may_lend_args = fast && thread->watched_by == 0;
}

void
update_all_fast_tstates(void)
{
    for (Thread *thread = NULL; (thread = thread_after(thread)) != NULL;) {
        update_fast_tstate(thread);
    }
}

void
thread_begin_report(Thread *thread)
{
    thread->is_reporting = true;
    update_fast_tstate(thread);
    tstate_mute(thread->tstate);
}

void
thread_end_report(Thread *thread)
{
    tstate_unmute(thread->tstate);
    thread->is_reporting = false;
    update_fast_tstate(thread);
}
