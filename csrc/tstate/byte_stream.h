/* The bytes of a bytes object, read piece by piece. */
#include <stddef.h>

typedef struct byte_stream {
    tstate_reader read;
    const char *next;               /* of the object: what has not been read */
    Py_ssize_t left;
    int at, there;                  /* in the piece */
    unsigned char piece[64];
} byte_stream;

static inline byte_stream
byte_stream_of(const PyObject *object, tstate_reader read)
{
    PyVarObject head;
    byte_stream stream = {.read = read};
    if (object != NULL && read(&head, object, sizeof head)
        && head.ob_base.ob_type == &PyBytes_Type) {
        stream.next = (const char *)object + offsetof(PyBytesObject, ob_sval);
        stream.left = head.ob_size;
    }
    return stream;
}

/* The next byte; -1 at the end, or if it cannot be read. */
static inline int
byte_stream_next(byte_stream *stream)
{
    if (stream->at == stream->there) {
        int size = (int)Py_MIN(stream->left, (Py_ssize_t)sizeof stream->piece);
        if (size <= 0 || !stream->read(stream->piece, stream->next, (size_t)size)) {
            stream->left = 0;
            return -1;
        }
        stream->next += size;
        stream->left -= size;
        stream->at = 0;
        stream->there = size;
    }
    return stream->piece[stream->at++];
}
