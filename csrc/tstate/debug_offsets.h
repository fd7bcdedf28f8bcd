/* Where readers in other processes find what belongs to the interpreter; see
 * ../mechanism/debug_offsets.h. Each line is X(name, value). The version's file defines
 * VERSION_DEBUG_OFFSETS, with what differs; what several versions share is in one of the lists
 * below that. */

#include <structmember.h>

#if __has_include(<internal/pycore_dict.h>)     /* CPython 3.10 has the structures in a .c file */
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#  include <internal/pycore_dict.h>
#  pragma GCC diagnostic pop
#endif

#define FIELD(X, name, type, field) X(name "." #field, offsetof(type, field))

#define TSTATE_DEBUG_OFFSETS(X) \
    X("python.version", PY_VERSION_HEX) \
    FIELD(X, "slice", tstate_slice, frame) \
    FIELD(X, "slice", tstate_slice, exc_info) \
    FIELD(X, "slice", tstate_slice, context) \
    FIELD(X, "thread_state", PyThreadState, interp) \
    FIELD(X, "thread_state", PyThreadState, id) \
    FIELD(X, "thread_state", PyThreadState, thread_id) \
    FIELD(X, "thread_state", PyThreadState, exc_info) \
    FIELD(X, "thread_state", PyThreadState, context) \
    FIELD(X, "exc_info", _PyErr_StackItem, exc_value) \
    FIELD(X, "exc_info", _PyErr_StackItem, previous_item) \
    FIELD(X, "code", PyCodeObject, co_filename) \
    FIELD(X, "code", PyCodeObject, co_name) \
    FIELD(X, "code", PyCodeObject, co_firstlineno) \
    FIELD(X, "code", PyCodeObject, co_linetable) \
    FIELD(X, "code", PyCodeObject, co_stacksize) \
    FIELD(X, "code", PyCodeObject, co_flags) \
    FIELD(X, "object", PyObject, ob_refcnt) \
    FIELD(X, "object", PyObject, ob_type) \
    X("object.size", sizeof(PyObject)) \
    FIELD(X, "var_object", PyVarObject, ob_size) \
    FIELD(X, "type", PyTypeObject, tp_name) \
    FIELD(X, "type", PyTypeObject, tp_basicsize) \
    FIELD(X, "type", PyTypeObject, tp_itemsize) \
    FIELD(X, "type", PyTypeObject, tp_flags) \
    FIELD(X, "type", PyTypeObject, tp_base) \
    FIELD(X, "type", PyTypeObject, tp_dict) \
    FIELD(X, "type", PyTypeObject, tp_mro) \
    FIELD(X, "type", PyTypeObject, tp_dictoffset) \
    FIELD(X, "heap_type", PyHeapTypeObject, ht_name) \
    FIELD(X, "heap_type", PyHeapTypeObject, ht_qualname) \
    FIELD(X, "heap_type", PyHeapTypeObject, ht_cached_keys) \
    X("unicode.length", offsetof(PyASCIIObject, length)) \
    X("unicode.state", offsetof(PyASCIIObject, state)) \
    X("unicode.ascii_size", sizeof(PyASCIIObject)) \
    X("unicode.compact_size", sizeof(PyCompactUnicodeObject)) \
    FIELD(X, "bytes", PyBytesObject, ob_sval) \
    FIELD(X, "float", PyFloatObject, ob_fval) \
    FIELD(X, "tuple", PyTupleObject, ob_item) \
    FIELD(X, "list", PyListObject, ob_item) \
    FIELD(X, "set", PySetObject, used) \
    FIELD(X, "set", PySetObject, mask) \
    FIELD(X, "set", PySetObject, table) \
    X("set_entry.key", offsetof(setentry, key)) \
    X("set_entry.size", sizeof(setentry)) \
    FIELD(X, "dict", PyDictObject, ma_used) \
    FIELD(X, "dict", PyDictObject, ma_keys) \
    FIELD(X, "dict", PyDictObject, ma_values) \
    FIELD(X, "function", PyFunctionObject, func_code) \
    FIELD(X, "function", PyFunctionObject, func_name) \
    FIELD(X, "function", PyFunctionObject, func_qualname) \
    FIELD(X, "function", PyFunctionObject, func_module) \
    FIELD(X, "function", PyFunctionObject, func_closure) \
    FIELD(X, "function", PyFunctionObject, func_globals) \
    FIELD(X, "method", PyMethodObject, im_func) \
    FIELD(X, "method", PyMethodObject, im_self) \
    FIELD(X, "builtin", PyCFunctionObject, m_ml) \
    FIELD(X, "builtin", PyCFunctionObject, m_self) \
    FIELD(X, "builtin", PyCFunctionObject, m_module) \
    FIELD(X, "method_def", PyMethodDef, ml_name) \
    FIELD(X, "member_descriptor", PyMemberDescrObject, d_member) \
    X("member_def.name", offsetof(struct PyMemberDef, name)) \
    X("member_def.type", offsetof(struct PyMemberDef, type)) \
    X("member_def.offset", offsetof(struct PyMemberDef, offset)) \
    X("descriptor.name", offsetof(PyDescrObject, d_name)) \
    FIELD(X, "cell", PyCellObject, ob_ref) \
    FIELD(X, "weakref", PyWeakReference, wr_object) \
    FIELD(X, "generator", PyGenObject, gi_name) \
    FIELD(X, "generator", PyGenObject, gi_qualname) \
    X("module.md_dict", sizeof(PyObject))   /* PyModuleObject, until 3.10 in moduleobject.c */ \
    VERSION_DEBUG_OFFSETS(X)

#define DEBUG_OFFSETS_SINCE_311(X) \
    FIELD(X, "thread_state", PyThreadState, native_thread_id) \
    FIELD(X, "frame", _PyInterpreterFrame, previous) \
    FIELD(X, "frame", _PyInterpreterFrame, frame_obj) \
    FIELD(X, "frame", _PyInterpreterFrame, f_globals) \
    FIELD(X, "frame", _PyInterpreterFrame, localsplus) \
    FIELD(X, "frame", _PyInterpreterFrame, owner) \
    X("frame.code", offsetof(_PyInterpreterFrame, FRAME_CODE)) \
    X("frame.instruction", offsetof(_PyInterpreterFrame, FRAME_INSTRUCTION)) \
    X("frame.owned_by_thread", FRAME_OWNED_BY_THREAD) \
    X("frame.owned_by_generator", FRAME_OWNED_BY_GENERATOR) \
    X("frame.owned_by_frame_object", FRAME_OWNED_BY_FRAME_OBJECT) \
    FIELD(X, "frame_object", PyFrameObject, f_frame) \
    FIELD(X, "code", PyCodeObject, co_qualname) \
    FIELD(X, "code", PyCodeObject, co_exceptiontable) \
    FIELD(X, "code", PyCodeObject, co_nlocalsplus) \
    FIELD(X, "code", PyCodeObject, co_localsplusnames) \
    FIELD(X, "code", PyCodeObject, co_localspluskinds) \
    FIELD(X, "code", PyCodeObject, co_code_adaptive) \
    FIELD(X, "generator", PyGenObject, gi_frame_state) \
    FIELD(X, "generator", PyGenObject, gi_iframe) \
    X("generator.cleared", FRAME_CLEARED)    /* a value of gi_frame_state */ \
    FIELD(X, "dict_keys", struct _dictkeysobject, dk_log2_size) \
    FIELD(X, "dict_keys", struct _dictkeysobject, dk_log2_index_bytes) \
    FIELD(X, "dict_keys", struct _dictkeysobject, dk_kind) \
    FIELD(X, "dict_keys", struct _dictkeysobject, dk_nentries) \
    FIELD(X, "dict_keys", struct _dictkeysobject, dk_indices) \
    FIELD(X, "dict_values", PyDictValues, values)

#define DEBUG_OFFSETS_WITH_RUNS(X) \
    FIELD(X, "thread_state", PyThreadState, cframe) \
    FIELD(X, "cframe", _PyCFrame, current_frame)

#define DEBUG_OFFSETS_SINCE_312(X) \
    DEBUG_OFFSETS_SINCE_311(X) \
    X("interpreter.modules", offsetof(PyInterpreterState, imports.modules)) \
    X("frame.function", offsetof(_PyInterpreterFrame, f_funcobj)) \
    FIELD(X, "slice", tstate_slice, entries) \
    X("frame.owned_by_entry", ENTRY_FRAME_OWNER) \
    X("long.lv_tag", offsetof(PyLongObject, long_value.lv_tag)) \
    X("long.ob_digit", offsetof(PyLongObject, long_value.ob_digit))

#define DEBUG_OFFSETS_SINCE_314(X) \
    DEBUG_OFFSETS_SINCE_312(X) \
    FIELD(X, "thread_state", PyThreadState, current_frame) \
    FIELD(X, "thread_state", _PyThreadStateImpl, asyncio_tasks_head) \
    FIELD(X, "frame", _PyInterpreterFrame, stackpointer) \
    X("frame.tag_bits", Py_TAG_BITS)
