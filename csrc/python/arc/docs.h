/* The docstrings of the methods of Arc. */
#ifndef PRS_ARC_DOCS_H
#define PRS_ARC_DOCS_H

#include "csrc/python/objects.h"

PyDoc_STRVAR(value_doc,
             "The content, which all owners share (Rust: `*arc`).\n\n"
             "Raises:\n"
             "    UseAfterMoveError: the Arc was consumed.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> Arc(5).value + 1\n"
             "6");

PyDoc_STRVAR(clone_doc,
             "clone($self, /)\n--\n\n"
             "Make another owner of the same content, which is not copied.\n\n"
             "Another name for an Arc is no other owner: `b = a` counts "
             "nothing. A content's own\n`clone` is `arc.value.clone()`.\n\n"
             "Returns:\n"
             "    An Arc of its own, to be given to another thread.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: the Arc was consumed.\n"
             "    OverflowError: there are 2**31 owners.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Arc::clone`.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> five = Arc(5)\n"
             ">>> other = five.clone()\n"
             ">>> five.strong_count()\n"
             "2");

PyDoc_STRVAR(downgrade_doc,
             "downgrade($self, /)\n--\n\n"
             "Make a Weak, which leads to the content and does not keep it "
             "alive.\n\n"
             "Returns:\n"
             "    A new Weak.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: the Arc was consumed.\n"
             "    OverflowError: there are 2**31 of them.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Arc::downgrade`.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> five = Arc(5)\n"
             ">>> five.downgrade().upgrade()\n"
             "5");

PyDoc_STRVAR(strong_count_doc,
             "strong_count($self, /)\n--\n\n"
             "Count the owners of the content.\n\n"
             "Other threads may change the number before it is looked at.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: the Arc was consumed.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Arc::strong_count`.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> Arc(5).strong_count()\n"
             "1");

PyDoc_STRVAR(weak_count_doc,
             "weak_count($self, /)\n--\n\n"
             "Count the Weaks that lead to the content.\n\n"
             "Other threads may change the number before it is looked at.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: the Arc was consumed.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Arc::weak_count`.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> five = Arc(5)\n"
             ">>> weak = five.downgrade()\n"
             ">>> five.weak_count()\n"
             "1");

PyDoc_STRVAR(is_unique_doc,
             "is_unique($self, /)\n--\n\n"
             "Tell whether this is the only owner, and no Weak is there.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: the Arc was consumed.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread; who is alone stays alone until he "
             "clones.\n\n"
             "Mirrors `Arc::is_unique` (unstable in Rust).\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> Arc(5).is_unique()\n"
             "True");

PyDoc_STRVAR(ptr_eq_doc,
             "ptr_eq($self, other, /)\n--\n\n"
             "Tell whether two Arcs own the same content; `==` compares "
             "contents.\n\n"
             "Args:\n"
             "    other: another Arc.\n\n"
             "Returns:\n"
             "    True for clones of each other.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: one of them was consumed.\n"
             "    TypeError: `other` is no Arc.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Arc::ptr_eq`.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> five = Arc(5)\n"
             ">>> five.ptr_eq(five.clone()), five.ptr_eq(Arc(5)), five == "
             "Arc(5)\n"
             "(True, False, True)");

PyDoc_STRVAR(into_inner_doc,
             "into_inner($self, /)\n--\n\n"
             "Give up the Arc, and take the content if this was the last "
             "owner.\n\n"
             "Of several owners that all call it, exactly one gets the "
             "content, whatever the order.\nA content None looks as if there "
             "were others: use `try_unwrap` for it.\n\n"
             "Returns:\n"
             "    The content, or None when there are other owners.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: the Arc was consumed before.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Arc::into_inner`.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> five = Arc(5)\n"
             ">>> other = five.clone()\n"
             ">>> print(five.into_inner(), other.into_inner())\n"
             "None 5");

PyDoc_STRVAR(try_unwrap_doc,
             "try_unwrap($self, /)\n--\n\n"
             "Take the content out, if this is the only owner.\n\n"
             "The Arc is consumed either way. Weaks do not matter, and lead "
             "to nothing afterwards.\n\n"
             "Returns:\n"
             "    `Ok(content)`, or `Err(arc)` with the Arc, under its new "
             "name, when there are others.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: the Arc was consumed before.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Arc::try_unwrap`.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> Arc(5).try_unwrap()\n"
             "Ok(5)");

PyDoc_STRVAR(new_cyclic_doc,
             "new_cyclic($cls, data_fn, /)\n--\n\n"
             "Make an Arc whose content has a Weak that leads back to it.\n\n"
             "Args:\n"
             "    data_fn: called with the Weak, returns the content. Until "
             "it has returned, the\n"
             "        Weak's `upgrade` gives None. The Weak is its own: it "
             "may be kept or dropped.\n\n"
             "Returns:\n"
             "    The Arc.\n\n"
             "Raises:\n"
             "    NotSendError: the content is not Sync.\n\n"
             "Blocks: only as `data_fn` does.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Arc::new_cyclic`.\n\n"
             ">>> from pythread_rs.sync import Arc\n"
             ">>> loop = Arc.new_cyclic(lambda me: (\"me\", me))\n"
             ">>> loop[1].upgrade().ptr_eq(loop)\n"
             "True");

#endif
