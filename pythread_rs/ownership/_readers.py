"""Functions that were found to only read: they may run beside each other without a second search.

A recursion lends two closures at each step, always the same code over new lists. The search for
what such code does follows the functions that it calls, which takes a hundred times as long as the
step. What was found holds while all is as it was that the search had looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple, cast

from pythread_rs import _ffi

__all__ = ["note_reader", "only_reads"]

_MAX_NOTES: Final = 1024  # code objects, with no measure behind it
_MAX_FUNCTIONS: Final = 32  # that one may call; a longer way is searched each time
_MAX_PROBES: Final = 256
_PLAIN: Final = frozenset({int, float, complex, bool, str, bytes, type(None)})
_CONTAINERS: Final = frozenset({list, dict, set, bytearray, tuple, frozenset, deque})
_FIXED: Final = frozenset({FunctionType, BuiltinFunctionType, ModuleType, *_PLAIN})
_HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE: other classes cannot be changed
_NOTHING: Final = object()


class _Probe(NamedTuple):
    """What a name meant: `space` is a namespace."""

    space: Mapping[str, Any]
    name: str
    value: object


class _Note(NamedTuple):
    """Why a function with this code and such captures only reads."""

    code: CodeType
    captures: tuple[object, ...]  # the types of data; functions and modules themselves
    probes: tuple[_Probe, ...]
    functions: tuple[tuple[FunctionType, CodeType, tuple[object, ...]], ...]


_notes: dict[int, _Note] = {}  # by the id of the code, which the note keeps


def only_reads(f: object) -> bool:
    """Tell whether a function is known to change nothing that it captures.

    Thread safety: any thread.
    """
    if type(f) is not FunctionType:
        return False
    note = _notes.get(id(f.__code__))
    if note is None or f.__defaults__ or f.__kwdefaults__:
        return False
    found = _captures(f)
    if found is None or not _same(found[0], note.captures) or not _is_flat(found[1]):
        return False
    if any(space.get(name, _NOTHING) is not value for space, name, value in note.probes):
        return False
    return all(
        called.__code__ is code and _same(_contents(called), held)
        for called, code, held in note.functions
    )


def note_reader(f: object) -> None:
    """Remember a function that the search has just found to only read.

    Only if all that the search may have looked at can be looked at again: builtin data that holds
    nothing else that can be changed, functions, modules.
    """
    if type(f) is not FunctionType or f.__defaults__ or f.__kwdefaults__:
        return
    found = _captures(f)
    if found is None or not _is_flat(found[1]):
        return
    scene = _Scene()
    scene.add_code(f.__code__, f.__globals__)
    for value in found[0]:
        if type(value) is FunctionType:
            scene.add_function(value)
    if not scene.is_complete:
        return
    if len(_notes) >= _MAX_NOTES:
        _notes.clear()
    code = f.__code__
    _notes[id(code)] = _Note(code, tuple(found[0]), tuple(scene.probes), tuple(scene.functions))


def _contents(f: FunctionType) -> tuple[object, ...]:
    """Give what the captured variables hold."""
    try:
        return tuple([cell.cell_contents for cell in f.__closure__ or ()])
    except ValueError:  # one is unbound
        return (_NOTHING,)


def _same(ones: Any, others: Any) -> bool:
    return len(ones) == len(others) and all(map(_is, ones, others))


def _is(one: object, other: object) -> bool:
    return one is other


def _captures(f: FunctionType) -> tuple[list[object], list[object]] | None:
    """Give what has to be the same each time, and the data to be looked at each time.

    Returns:
        None when there is something else.
    """
    same: list[object] = []
    data: list[object] = []
    for value in _contents(f):
        kind = type(value)
        if kind in _PLAIN:
            same.append(kind)
        elif kind in _CONTAINERS:
            same.append(kind)
            data.append(value)
        elif _is_fixed(value):
            same.append(value)
        else:
            return None
    return same, data


def _is_flat(data: list[object]) -> bool:
    """Tell whether nothing below the containers can be changed."""
    own = {id(value) for value in data}
    return not data or own.issuperset(_ffi.mutable_nodes(data))


def _is_fixed(value: object) -> bool:
    """Tell whether a value means the same as long as it is the same object."""
    kind = type(value)
    if kind in _FIXED:
        return True
    if kind is type:
        return not cast("type", value).__flags__ & _HEAP_TYPE
    return str(kind.__module__).startswith("pythread_rs.")


class _Scene:
    """All that a search which begins at some code may look at."""

    def __init__(self) -> None:
        self.probes: list[_Probe] = []
        self.functions: list[tuple[FunctionType, CodeType, tuple[object, ...]]] = []
        self.is_complete = True
        self._seen: set[int] = set()

    def add_function(self, f: FunctionType) -> None:
        """Add a function that may be called, with what it uses."""
        if id(f) in self._seen or not self.is_complete:
            return
        self._seen.add(id(f))
        if str(f.__module__).startswith("pythread_rs."):
            return
        held = _contents(f)
        self.functions.append((f, f.__code__, held))
        self.is_complete = len(self.functions) <= _MAX_FUNCTIONS and not f.__kwdefaults__
        for value in (*held, *(f.__defaults__ or ())):
            self._add_value(value)
        self.add_code(f.__code__, f.__globals__)

    def add_code(self, code: CodeType, module: dict[str, Any]) -> None:
        """Add what the names of a code object mean."""
        space = module.get("__builtins__", {})
        builtins = vars(space) if type(space) is ModuleType else space
        modules: list[ModuleType] = []
        for name in code.co_names:
            value = module.get(name, _NOTHING)
            self._probe(module, name, value)
            if value is _NOTHING:
                value = builtins.get(name, _NOTHING)
                self._probe(builtins, name, value)
            if type(value) is ModuleType:
                modules.append(value)
        for used in modules:
            for name in code.co_names:
                self._probe(vars(used), name, vars(used).get(name, _NOTHING))
        for const in code.co_consts:
            if type(const) is CodeType:
                self.add_code(const, module)

    def _probe(self, space: Mapping[str, Any], name: str, value: object) -> None:
        if not self.is_complete:
            return
        self.probes.append(_Probe(space, name, value))
        self.is_complete = len(self.probes) <= _MAX_PROBES
        if value is not _NOTHING:
            self._add_value(value)

    def _add_value(self, value: object) -> None:
        if not _is_fixed(value):
            self.is_complete = False
        elif type(value) is FunctionType:
            self.add_function(value)
