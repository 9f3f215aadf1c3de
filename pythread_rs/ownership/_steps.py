"""The instructions of CPython 3.11 to 3.15 that move values about."""

from __future__ import annotations

import sys
from dis import Instruction
from types import CodeType

from pythread_rs.ownership._callsteps import CallSteps
from pythread_rs.ownership._interpreter import GLOBAL
from pythread_rs.ownership._opcodes import NULL_FIRST
from pythread_rs.ownership._values import (
    DEEPEST,
    EMPTY,
    TEXT,
    Atom,
    Value,
    boxed,
    flat,
    items,
    tupled,
)

__all__ = ["Steps"]

_NULL: Value = frozenset([Atom("null")])
_FRESH = Atom("fresh")  # something of which nothing is known but that it is none of ours
_METHOD_BIT = sys.version_info >= (3, 12)  # in LOAD_ATTR; 3.11 has LOAD_METHOD
_TWO_SLOT_ITERATORS = sys.version_info >= (3, 15)


class VariableSteps(CallSteps):
    """Loads and stores of variables and constants."""

    def op_load_const(self, at: Instruction) -> None:
        value: object = at.argval
        if isinstance(value, str):
            self.push(TEXT)
        elif isinstance(value, CodeType | tuple):
            self.push(frozenset([Atom("const", extra=value)]))
        else:
            self.push(EMPTY)

    def op_load_fast(self, at: Instruction) -> None:
        # Since 3.13 the cell itself is loaded like a local, to make a closure.
        self.push(EMPTY if at.argval in self.cells else self.load(at.argval))

    op_load_fast_check = op_load_fast_borrow = op_load_fast

    def op_load_fast_and_clear(self, at: Instruction) -> None:
        self.op_load_fast(at)
        if at.argval not in self.cells:
            self.store(at.argval, EMPTY)

    def op_load_fast_load_fast(self, at: Instruction) -> None:
        for name in at.argval:
            self.push(EMPTY if name in self.cells else self.load(name))

    op_load_fast_borrow_load_fast_borrow = op_load_fast_load_fast

    def op_store_fast(self, at: Instruction) -> None:
        self.store_fast(at.argval)

    op_store_fast_maybe_null = op_store_fast

    def store_fast(self, name: str) -> None:
        """Store the top of the stack in a local; a cell that is put back is left alone."""
        value = self.pop()
        if name not in self.cells:
            self.store(name, value)

    def op_store_fast_load_fast(self, at: Instruction) -> None:
        self.store_fast(at.argval[0])
        self.push(EMPTY if at.argval[1] in self.cells else self.load(at.argval[1]))

    def op_store_fast_store_fast(self, at: Instruction) -> None:
        for name in at.argval:
            self.store_fast(name)

    def op_delete_fast(self, at: Instruction) -> None:
        self.store(at.argval, EMPTY)

    def op_load_deref(self, at: Instruction) -> None:
        self.note(self.reads, at.argval)
        self.push(self.load(at.argval))

    op_load_classderef = op_load_deref

    def op_load_from_dict_or_deref(self, at: Instruction) -> None:
        self.pop()
        self.op_load_deref(at)

    def op_store_deref(self, at: Instruction) -> None:
        self.note(self.writes, at.argval)
        self.store_shared(at.argval, self.pop())

    def op_delete_deref(self, at: Instruction) -> None:
        self.note(self.writes, at.argval)
        self.store(at.argval, EMPTY)

    def store_shared(self, name: str, value: Value) -> None:
        """Store a value where other code may find it."""
        if name in self.code.co_freevars or name.startswith(GLOBAL):
            self.do(value, "escape", "assigned")
        self.store(name, value)

    def load_named(self, name: str) -> None:
        """Load a global, or a name of a class body."""
        self.note(self.reads, name)
        self.push(self.load(name))

    def op_load_global(self, at: Instruction) -> None:
        null = bool((at.arg or 0) & 1)
        if null and NULL_FIRST:
            self.push(_NULL)
        self.load_named(GLOBAL + at.argval)
        if null and not NULL_FIRST:
            self.push(_NULL)

    def op_load_name(self, at: Instruction) -> None:
        own = self.names + at.argval
        self.load_named(own if own in self.variables else GLOBAL + at.argval)

    def op_load_from_dict_or_globals(self, at: Instruction) -> None:
        self.pop()
        self.op_load_name(at)

    def op_store_global(self, at: Instruction) -> None:
        self.note(self.writes, GLOBAL + at.argval)
        self.store_shared(GLOBAL + at.argval, self.pop())

    def op_store_name(self, at: Instruction) -> None:
        name = self.names + at.argval
        self.note(self.writes, name)
        value = self.pop()
        if self.names == GLOBAL:
            self.store_shared(name, value)
        else:  # it becomes an attribute of a class
            self.do(value, "escape", "assigned")
            self.store(name, value)

    def op_delete_global(self, at: Instruction) -> None:
        self.note(self.writes, GLOBAL + at.argval)
        self.store(GLOBAL + at.argval, EMPTY)

    def op_delete_name(self, at: Instruction) -> None:
        self.note(self.writes, self.names + at.argval)
        self.store(self.names + at.argval, EMPTY)


class ContainerSteps(VariableSteps):
    """What makes, fills, indexes and takes apart containers."""

    def op_build_tuple(self, at: Instruction) -> None:
        self.push(tupled(self.take(at.arg or 0)))

    def op_build_list(self, at: Instruction) -> None:
        self.push(boxed(*self.take(at.arg or 0)))

    op_build_set = op_build_list

    def op_build_map(self, at: Instruction) -> None:
        self.push(boxed(*self.take(2 * (at.arg or 0))))

    def op_build_const_key_map(self, at: Instruction) -> None:
        self.pop()
        self.push(boxed(*self.take(at.arg or 0)))

    def op_build_slice(self, at: Instruction) -> None:
        self.push(boxed(*self.take(at.arg or 0)))

    def op_build_string(self, at: Instruction) -> None:
        self.take(at.arg or 0)
        self.push(TEXT)

    def fill(self, at: Instruction, value: Value) -> None:
        """Put what a value is into the container that lies so deep in the stack."""
        self.stack[-(at.arg or 1)] |= boxed(value)

    def op_list_append(self, at: Instruction) -> None:
        self.fill(at, self.pop())

    op_set_add = op_list_append

    def op_map_add(self, at: Instruction) -> None:
        value = self.pop()
        key = self.pop()
        self.do(key, "hash")
        self.fill(at, key | value)

    def op_list_extend(self, at: Instruction) -> None:
        value = self.pop()
        self.do(value, "iter")
        self.fill(at, items(value))

    op_set_update = op_list_extend

    def op_dict_update(self, at: Instruction) -> None:
        value = self.pop()
        self.do(value, "iter")
        self.do(value, "mapping")
        self.fill(at, items(value))

    op_dict_merge = op_dict_update

    def op_binary_subscr(self, _at: Instruction) -> None:
        container, key = self.take(2)
        self.index(container, key)

    def index(self, container: Value, key: Value) -> None:
        """Index a container; a slice may be a view of it, a mapping hashes the key."""
        self.do(container, "index")
        self.do(key, "hash")
        self.push(items(container))

    def op_binary_slice(self, _at: Instruction) -> None:
        container, *_ends = self.take(3)
        self.do(container, "index")
        self.push(items(container) | boxed(items(container)))

    def op_store_subscr(self, _at: Instruction) -> None:
        value, container, key = self.take(3)
        self.do(value, "escape", "stored")
        self.do(key, "hash")
        self.do(container, "mutate", "__setitem__")

    def op_store_slice(self, _at: Instruction) -> None:
        value, container, *_ends = self.take(4)
        self.do(value, "iter")
        self.do(items(value), "escape", "stored")
        self.do(container, "mutate", "__setitem__")

    def op_delete_subscr(self, _at: Instruction) -> None:
        container, key = self.take(2)
        self.do(key, "hash")
        self.do(container, "mutate", "__delitem__")

    def op_store_attr(self, _at: Instruction) -> None:
        value, owner = self.take(2)
        self.do(value, "escape", "stored")
        self.do(owner, "mutate", "__setattr__")

    def op_binary_op(self, at: Instruction) -> None:
        left, right = self.take(2)
        if at.argrepr == "[]":
            self.index(left, right)
            return
        self.do(right, "arith")
        if at.argrepr.endswith("="):
            self.do(left, "inplace", at.argrepr)
            self.push(left | boxed(items(left), items(right)))
        else:
            self.do(left, "arith")
            text = TEXT if any(atom.kind == "text" for atom in left) else EMPTY
            self.push(boxed(items(left), items(right)) | text)

    def op_unpack_sequence(self, at: Instruction) -> None:
        self.unpack(self.pop(), at.arg or 0)

    def unpack(self, value: Value, count: int) -> None:
        """Push the elements of a value, the first one on top."""
        self.do(value, "iter")
        atoms = list(value)
        if len(atoms) == 1 and atoms[0].kind == "tuple" and len(atoms[0].extra) == count:
            self.stack.extend(reversed(atoms[0].extra))
        else:
            self.stack.extend([items(value)] * count)

    def op_unpack_ex(self, at: Instruction) -> None:
        value = self.pop()
        self.do(value, "iter")
        arg = at.arg or 0
        self.stack.extend([items(value) | boxed(items(value))] * ((arg & 255) + 1 + (arg >> 8)))

    def op_get_len(self, _at: Instruction) -> None:
        self.do(self.stack[-1], "len")
        self.push(EMPTY)

    def op_match_mapping(self, _at: Instruction) -> None:
        self.push(EMPTY)

    op_match_sequence = op_match_mapping

    def op_match_keys(self, _at: Instruction) -> None:
        subject = self.stack[-2]
        self.do(subject, "index")
        self.do(subject, "mapping")
        self.push(boxed(items(subject)))


class Steps(ContainerSteps):
    """The rest: iteration, attributes, texts, functions, `with`, jumps that keep a value."""

    def op_copy(self, at: Instruction) -> None:
        self.push(self.stack[-(at.arg or 1)])

    def op_swap(self, at: Instruction) -> None:
        depth = at.arg or 1
        self.stack[-1], self.stack[-depth] = self.stack[-depth], self.stack[-1]

    def op_push_null(self, _at: Instruction) -> None:
        self.push(_NULL)

    def op_get_iter(self, _at: Instruction) -> None:
        value = self.pop()
        self.do(value, "iter")
        self.push(boxed(items(value)))
        if _TWO_SLOT_ITERATORS:
            self.push(EMPTY)

    def op_for_iter(self, _at: Instruction) -> None:
        iterator = self.stack[-2 if _TWO_SLOT_ITERATORS else -1]
        for atom in iterator:
            # The iterator reads the object that it was made from each time.
            if atom.kind == "box" and atom.level:
                self.do(frozenset([Atom("obj", atom.root)]), "iter")
        self.push(items(iterator))

    def op_send(self, _at: Instruction) -> None:
        # What it yields leaves the function, and what is sent may be kept.
        self.do(self.pop(), "escape", "sent")
        self.do(self.stack[-2 if _TWO_SLOT_ITERATORS else -1], "escape", "yielded")
        self.push(EMPTY)

    def op_end_for(self, _at: Instruction) -> None:
        self.take(2 if NULL_FIRST else 1)

    def op_return_value(self, _at: Instruction) -> None:
        value = self.pop()
        self.do(value, "return")
        self.returns.update(flat(value))

    def op_yield_value(self, _at: Instruction) -> None:
        value = self.pop()
        self.do(value, "return")
        self.returns.update(boxed(value))
        self.push(EMPTY)

    def op_return_const(self, at: Instruction) -> None:
        """Nothing is taken from the stack."""

    def op_raise_varargs(self, at: Instruction) -> None:
        for value in self.take(at.arg or 0):
            self.do(value, "escape", "raised")

    def op_reraise(self, at: Instruction) -> None:
        """Take nothing: the path ends here."""

    def op_format_value(self, at: Instruction) -> None:
        if (at.arg or 0) & 4:
            self.pop()
        self.op_format_simple(at)

    def op_format_simple(self, _at: Instruction) -> None:
        self.do(self.pop(), "format")
        self.push(TEXT)

    def op_format_with_spec(self, at: Instruction) -> None:
        self.pop()
        self.op_format_simple(at)

    def op_load_attr(self, at: Instruction) -> None:
        is_method = _METHOD_BIT and bool((at.arg or 0) & 1)
        owner = self.pop()
        if not is_method:
            self.do(owner, "attr", at.argval)
        self.push(self.attribute(owner, at.argval))
        if is_method:
            self.push(_NULL)

    def op_load_super_attr(self, at: Instruction) -> None:
        for value in self.take(3):
            self.do(value, "escape", "super")
        self.push(EMPTY)
        if (at.arg or 0) & 1:
            self.push(_NULL)

    def op_load_method(self, at: Instruction) -> None:
        self.push(self.attribute(self.pop(), at.argval))
        self.push(_NULL)

    def attribute(self, owner: Value, name: str) -> Value:
        """Give an attribute of a value, which may turn out to be a method that is called."""
        found = {Atom("method", a.root, a.level, name) for a in owner if a.kind == "obj"}
        found |= {
            Atom("method", a.root, min(a.level + 1, DEEPEST), name)
            for a in owner
            if a.kind == "method"
        }
        if not owner:
            return frozenset([Atom("of", extra=(_FRESH, name))])
        for atom in (a.extra[0] if a.kind == "of" else a for a in owner):
            if atom.kind in {"box", "tuple", "text", "result", "enter"}:
                found.add(Atom("of", extra=(atom, name)))
        return frozenset(found)

    def op_with_except_start(self, _at: Instruction) -> None:
        self.push(EMPTY)

    def op_before_with(self, at: Instruction) -> None:
        self.do(self.pop(), "with")
        self.push(frozenset([Atom("exit", extra=at.offset)]))
        self.push(frozenset([Atom("enter", extra=at.offset)]))

    def op_load_special(self, at: Instruction) -> None:
        manager = self.pop()
        if at.argrepr == "__exit__":
            self.do(manager, "with")
            self.push(frozenset([Atom("exit", extra=at.offset)]))
        else:
            exits = [a for value in reversed(self.stack) for a in value if a.kind == "exit"]
            self.push(frozenset(Atom("entering", extra=a.extra) for a in exits[:1]))
        self.push(_NULL)

    def op_call_intrinsic_1(self, at: Instruction) -> None:
        if "LIST_TO_TUPLE" not in at.argrepr:
            self.do(self.pop(), "arith" if "POSITIVE" in at.argrepr else "escape", "yielded")
            self.push(EMPTY)

    def op_jump_if_true_or_pop(self, at: Instruction) -> None:
        self.do(self.stack[-1], "truth")
        self._reach(at.argval, self._now())
        self.pop()

    op_jump_if_false_or_pop = op_jump_if_true_or_pop
