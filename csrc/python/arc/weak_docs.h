/* The docstrings of the methods of Weak. */
#ifndef PRS_WEAK_DOCS_H
#define PRS_WEAK_DOCS_H

#include "csrc/python/objects.h"

PyDoc_STRVAR(
    upgrade_doc,
    "upgrade($self, /)\n--\n\n"
    "Make a new owner of the content, if it still has one.\n\n"
    "Compare with `is not None`: an Arc is as true as its content.\n\n"
    "Returns:\n"
    "    An Arc, or None when the content is gone or not yet there.\n\n"
    "Raises:\n"
    "    OverflowError: there are 2**31 owners.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    "Mirrors `Weak::upgrade`.\n\n"
    ">>> from pythread_rs.sync import Arc\n"
    ">>> five = Arc(5)\n"
    ">>> weak = five.downgrade()\n"
    ">>> print(weak.upgrade())\n"
    "5\n"
    ">>> del five\n"
    ">>> print(weak.upgrade())\n"
    "None");

PyDoc_STRVAR(clone_doc,
             "clone($self, /)\n--\n\n"
             "Make another Weak that leads to the same content.\n\n"
             "Returns:\n"
             "    A Weak of its own.\n\n"
             "Raises:\n"
             "    OverflowError: there are 2**31 of them.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Weak::clone`.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> five = Arc(5)\n"
             ">>> weak = five.downgrade()\n"
             ">>> weak.clone().ptr_eq(weak)\n"
             "True");

PyDoc_STRVAR(strong_count_doc,
             "strong_count($self, /)\n--\n\n"
             "Count the owners of the content; 0 when it is gone.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Weak::strong_count`.\n\n"
             ">>> from pythread_rs.sync import Arc, Weak\n"
             ">>> five = Arc(5)\n"
             ">>> five.downgrade().strong_count(), Weak().strong_count()\n"
             "(1, 0)");

PyDoc_STRVAR(weak_count_doc,
             "weak_count($self, /)\n--\n\n"
             "Count the Weaks that lead to the content; 0 when it is gone.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Weak::weak_count`.\n\n"
             ">>> from pythread_rs.sync import Arc, Weak\n"
             ">>> five = Arc(5)\n"
             ">>> five.downgrade().weak_count(), Weak().weak_count()\n"
             "(1, 0)");

PyDoc_STRVAR(ptr_eq_doc,
             "ptr_eq($self, other, /)\n--\n\n"
             "Tell whether two Weaks lead to the same content, or were made "
             "by `Weak()`.\n\n"
             "Args:\n"
             "    other: another Weak.\n\n"
             "Returns:\n"
             "    True for clones of each other, also when the content is "
             "gone.\n\n"
             "Raises:\n"
             "    TypeError: `other` is no Weak.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Weak::ptr_eq`.\n\n"
             ">>> from pythread_rs.sync import Arc, Weak\n"
             ">>> Weak().ptr_eq(Weak()), Weak().ptr_eq(Arc(5).downgrade())\n"
             "(True, False)");

#endif
