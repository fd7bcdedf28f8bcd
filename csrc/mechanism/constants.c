#include "constants.h"

PyObject *empty_tuple, *run_name;
PyObject *create_event, *start_event, *switch_event, *throw_event, *end_event;
PyObject *parent_keyword, *parent_run_keywords;
PyObject *kill_message, *unstarted_word, *suspended_word, *current_word, *dead_word;

int
constants_make(void)
{
    struct {
        PyObject **where;
        const char *text;
    } words[] = {
        {&run_name, "run"},
        {&create_event, "create"},
        {&start_event, "start"},
        {&switch_event, "switch"},
        {&throw_event, "throw"},
        {&end_event, "end"},
        {&kill_message, "Killing the greenlet because all references have vanished."},
        {&unstarted_word, "unstarted"},
        {&suspended_word, "suspended"},
        {&current_word, "current"},
        {&dead_word, "dead"},
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(words); i++) {
        if ((*words[i].where = PyUnicode_InternFromString(words[i].text)) == NULL) {
            return -1;
        }
    }
    bool made = (empty_tuple = PyTuple_New(0)) != NULL
        && (parent_keyword = Py_BuildValue("(s)", "parent")) != NULL
        && (parent_run_keywords = Py_BuildValue("(ss)", "parent", "run")) != NULL;
    return made ? 0 : -1;
}
