/* The table of offsets, by which a reader in another process finds all greenlets, as debuggers
 * find CPython's threads by `_Py_DebugOffsets`.
 *
 * A reader finds the table in the writable memory of this module, by its cookie: 16 bytes at an
 * address that is a multiple of 16. (`nm` shows it as `switchlib_debug_offsets`, until the module
 * is stripped. It lies in the section .switchlib.) Each entry is a name and a value: the offset of
 * a field in bytes, unless debug_offsets.c says that it is an address, a size or a number. A
 * reader looks entries up by name. `version` changes if what a name means does, or the order in
 * which things are stored. New names may come with any release.
 *
 * From the table on:
 *
 *   - `threads.buckets` is the address of `threads.bucket_count` pointers to threads, each of which
 *     leads to the next by `thread.next`.
 *   - A thread's list of greenlets begins at `thread.listed`; `greenlet.state` leads to the state,
 *     and `state.next_listed` to the next greenlet. `threads.ended` is the address of the pointer
 *     to the first greenlet of the list of ended threads.
 *   - A greenlet is unstarted if `state.thread` is NULL; suspended if `state.slice.start` is not,
 *     and the thread has a `thread.tstate`; current if it is `thread.current`; otherwise dead. If
 *     `object.ob_refcnt` is 0, it is being freed.
 *   - The frames of a suspended greenlet begin at `slice.frame` in its `state.tstate`, those of a
 *     current one at its thread state's frame.
 *   - While `thread.target` is set, or a current greenlet has a `state.slice.start`, the thread is
 *     in the middle of a switch. */
#ifndef SWITCHLIB_DEBUG_OFFSETS_H
#define SWITCHLIB_DEBUG_OFFSETS_H

#include "common.h"

HIDDEN_BEGIN

/* Fills in what is known only when the process runs. Call it when all types are made. */
void debug_offsets_install(void);

HIDDEN_END

#endif
