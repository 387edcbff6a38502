/* The compiled half of two steps that every test pays for: sending audit events away, and walking a stack.

   In Python each audited event costs 0.3 us, ours or not: the name becomes a string, and a function is called that says
   no. And to read a frame's code is audited itself. Here an event that nobody waits for costs a comparison of names,
   and a walk raises none. Everything has its twin in Python (sensors/audit.py, origin.py), for where this is not built.

   Limited API of CPython 3.10, and below it four functions that every CPython from 3.10 (3.11) to 3.14 exports. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>
#include <string.h>

typedef int (*audit_hook)(const char *, PyObject *, void *);
extern int PySys_AddAuditHook(audit_hook, void *);
extern PyFrameObject *PyFrame_GetBack(PyFrameObject *);
/* From 3.11 on: a hook of C is traced unless it says otherwise, and a debugger would step into it. */
extern void PyThreadState_EnterTracing(PyThreadState *) __attribute__((weak));
extern void PyThreadState_LeaveTracing(PyThreadState *) __attribute__((weak));

#define MOST_NAMES 64
#define MOST_FRAMES 64

static const char *names[MOST_NAMES];
static Py_ssize_t count = 0;
static PyObject *names_owner = NULL; /* keeps the characters of `names` */
static PyObject *callback = NULL;
static int is_traced = 0;
static int is_added = 0;
static PyInterpreterState *home = NULL;
static PyObject *str_lasti = NULL;

static void
call_back(const char *event, PyObject *args)
{
    PyThreadState *state = PyThreadState_Get();
    PyObject *call = Py_NewRef(callback), *name, *result = NULL;
    int is_hidden = !is_traced;

    if (is_hidden)
        PyThreadState_EnterTracing(state);
    name = PyUnicode_FromString(event);
    if (name != NULL)
        result = PyObject_CallFunctionObjArgs(call, name, args, NULL);
    if (is_hidden)
        PyThreadState_LeaveTracing(state);
    if (result == NULL)
        PyErr_WriteUnraisable(call); /* an error would abort what the user does */
    Py_XDECREF(result);
    Py_XDECREF(name);
    Py_DECREF(call);
}

static int
on_event(const char *event, PyObject *args, void *unused)
{
    if (count == 0 || PyInterpreterState_Get() != home)
        return 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (names[i][0] == event[0] && strcmp(names[i], event) == 0) {
            call_back(event, args);
            break;
        }
    }
    return 0;
}

static PyObject *
listen(PyObject *self, PyObject *args)
{
    PyObject *call, *wanted, *traced;
    const char *found[MOST_NAMES];
    Py_ssize_t size;

    if (!PyArg_ParseTuple(args, "OO!", &call, &PyTuple_Type, &wanted))
        return NULL;
    /* No Py_RETURN_TRUE: the headers of 3.12 and later give no reference away, and that of an older Python would be missing. */
    if (PyThreadState_EnterTracing == NULL || PyThreadState_LeaveTracing == NULL)
        return PyBool_FromLong(0);
    size = PyTuple_Size(wanted);
    if (size > MOST_NAMES)
        return PyBool_FromLong(0);
    for (Py_ssize_t i = 0; i < size; i++) {
        found[i] = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(wanted, i), NULL);
        if (found[i] == NULL)
            return NULL;
    }
    traced = PyObject_GetAttrString(call, "__cantrace__");
    if (traced == NULL)
        PyErr_Clear();
    is_traced = traced != NULL && PyObject_IsTrue(traced) == 1;
    Py_XDECREF(traced);
    PyObject *old_owner = names_owner, *old_call = callback;
    names_owner = Py_NewRef(wanted);
    callback = Py_NewRef(call);
    memcpy(names, found, sizeof(found[0]) * size);
    count = size;
    Py_XDECREF(old_owner);
    Py_XDECREF(old_call);
    if (!is_added) {
        home = PyInterpreterState_Get();
        if (PySys_AddAuditHook(on_event, NULL) < 0)
            return NULL;
        is_added = 1;
    }
    return PyBool_FromLong(1);
}

static int
is_stop(PyObject *stops, PyObject *code)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;

    while (PyDict_Next(stops, &position, &key, &value)) {
        if (value == code)
            return 1;
    }
    return 0;
}

static PyObject *
walk(PyObject *self, PyObject *args)
{
    PyObject *start, *stops, *pairs[MOST_FRAMES], *stack;
    PyFrameObject *frame;
    int depth, size = 0, failed = 0;

    if (!PyArg_ParseTuple(args, "OiO!", &start, &depth, &PyDict_Type, &stops))
        return NULL;
    if (depth > MOST_FRAMES)
        depth = MOST_FRAMES;
    frame = start == Py_None ? NULL : (PyFrameObject *)Py_NewRef(start);
    while (frame != NULL && size < depth) {
        PyObject *code = (PyObject *)PyFrame_GetCode(frame);
        if (is_stop(stops, code)) {
            Py_DECREF(code);
            break;
        }
        PyObject *lasti = PyObject_GetAttr((PyObject *)frame, str_lasti);
        pairs[size] = lasti == NULL ? NULL : PyTuple_Pack(2, code, lasti);
        Py_DECREF(code);
        Py_XDECREF(lasti);
        if (pairs[size] == NULL) {
            failed = 1;
            break;
        }
        size++;
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF((PyObject *)frame);
        frame = back;
    }
    Py_XDECREF((PyObject *)frame);
    stack = failed ? NULL : PyTuple_New(size);
    for (int i = 0; i < size; i++) {
        if (stack != NULL)
            PyTuple_SetItem(stack, i, pairs[i]);
        else
            Py_DECREF(pairs[i]);
    }
    return stack;
}

static PyMethodDef methods[] = {
    {"listen", listen, METH_VARARGS, "Have a callable told of these audit events; False where this interpreter cannot."},
    {"walk", walk, METH_VARARGS, "Return (code, lasti) pairs from a frame outwards."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "no_leaks._speedups", "The compiled half of two steps.", -1, methods,
};

PyMODINIT_FUNC
PyInit__speedups(void)
{
    str_lasti = PyUnicode_InternFromString("f_lasti");
    return str_lasti == NULL ? NULL : PyModule_Create(&definition);
}
