#include "pool.h"
PyTypeObject *prs__bulk_type;
void prs__bulk_run(PyObject *bulk) { (void)bulk; }
