/* Objects that are made once, at import, and never change. */
#ifndef SWITCHLIB_CONSTANTS_H
#define SWITCHLIB_CONSTANTS_H

#include "common.h"

HIDDEN_BEGIN

extern PyObject *empty_tuple;
extern PyObject *run_name;          /* "run" */
extern PyObject *switch_event, *throw_event;    /* what tracers and watchers are given, ... */
extern PyObject *create_event, *start_event, *end_event;    /* ... and watchers alone */
extern PyObject *parent_keyword, *parent_run_keywords;  /* names of __init__'s arguments */
extern PyObject *kill_message;      /* what a greenlet without references is killed with */
extern PyObject *unstarted_word, *suspended_word, *current_word, *dead_word;

/* 0, or -1 with an exception set. */
int constants_make(void);

HIDDEN_END

#endif
