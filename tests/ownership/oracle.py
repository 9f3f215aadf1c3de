"""Random object graphs with holders outside of them, and a slow judge that counts nothing.

The check under test compares reference counts. The judge follows references from both sides
instead: what can be reached from the root and from an outside holder, too, is shared. It asks the
collector (`gc.get_referents`) what an object holds, and knows by itself what that leaves out.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import dis
import functools
import gc
import io
import random
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

__all__ = [
    "Graph",
    "can_be_cleared",
    "edges",
    "is_isolated",
    "random_graph",
    "reachable",
    "reaches_weakref",
]


class Plain:
    def method(self) -> Plain:
        return self


class Slotted:
    __slots__ = ("__weakref__", "a", "b")
    a: Any
    b: Any


class OfList(list[Any]):
    pass


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: Any
    b: Any = 0


class Pair(NamedTuple):
    a: Any
    b: Any


class Graph(NamedTuple):
    """What a thread is to own, and what the others keep."""

    root: list[Any]
    outside: list[Any]


# -- Functions that make closures: a variable of the generator would be one more holder. -----------


def closure_of(value: Any) -> Callable[..., Any]:
    return lambda *_: value


def assigning(value: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make two closures that share a variable, of which one assigns it."""

    def write(*_: Any) -> None:
        nonlocal value
        value = None

    return write, lambda *_: value


def default_of(value: Any) -> Callable[..., Any]:
    return lambda *_, kept=value: kept


def suspended(value: Any, *, started: bool) -> Iterator[Any]:
    def steps(kept: Any) -> Iterator[Any]:
        yield 1
        yield kept

    iterator = steps(value)
    if started:
        next(iterator)
    return iterator


# -- Graphs. ---------------------------------------------------------------------------------------


class _Maker:
    """Makes nodes, each of which may hold nodes that were made before."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.nodes: list[Any] = []

    def pick(self) -> Any:
        if not self.nodes or self.random.random() < 0.3:
            return self.random.choice((None, 7, "text", b"bytes", 2.5, int, len))
        return self.random.choice(self.nodes)

    def some(self) -> list[Any]:
        return [self.pick() for _ in range(self.random.randint(0, 3))]

    def hashable(self) -> Any:
        value = self.pick()
        try:
            hash(value)
        except (TypeError, ValueError):
            return Plain()
        return value

    def of_type(self, kind: type, make: Callable[[], Any]) -> Any:
        known = [node for node in self.nodes if type(node) is kind]
        return self.random.choice(known) if known else make()

    def function(self) -> Any:
        return self.of_type(types.FunctionType, lambda: closure_of(1))


def _plain(maker: _Maker, attributes: int) -> Plain:
    made = Plain()
    for number in range(attributes):
        setattr(made, f"a{number}", maker.pick())
    return made


def _materialised(maker: _Maker) -> Plain:
    made = _plain(maker, 3)
    _ = made.__dict__
    return made


def _slotted(maker: _Maker) -> Slotted:
    made = Slotted()
    made.a = maker.pick()
    if maker.random.random() < 0.5:
        made.b = maker.pick()
    return made


def _of_list(maker: _Maker) -> OfList:
    made = OfList(maker.some())
    made.extra = maker.pick()  # type: ignore[attr-defined]
    return made


def _function_with_attribute(maker: _Maker) -> Callable[..., Any]:
    made = closure_of(maker.pick())
    made.attribute = maker.pick()  # type: ignore[attr-defined]
    return made


def _has_weakrefs(node: Any) -> bool:
    return type(node).__weakrefoffset__ != 0


def _weak(maker: _Maker, *callback: Any) -> Any:
    # Not on a builtin: all graphs would share the one weak reference to it.
    targets = [node for node in maker.nodes if _has_weakrefs(node)]
    target = maker.random.choice(targets) if targets else Plain()
    return weakref.ref(target, *callback)


def _view(maker: _Maker) -> memoryview:
    made = memoryview(maker.of_type(bytearray, lambda: bytearray(8)))
    return made[1:] if maker.random.random() < 0.5 else made


def _dict_of(maker: _Maker) -> dict[str, Any]:
    owner: Plain = maker.of_type(Plain, lambda: _plain(maker, 1))
    return owner.__dict__


def _iterator(maker: _Maker) -> Any:
    values = maker.of_type(list, lambda: [1, 2])
    make = maker.random.choice((iter, enumerate, reversed, zip, functools.partial(map, int)))
    return make(values)


def _dict_view(maker: _Maker) -> Any:
    values = maker.of_type(dict, lambda: {"k": []})
    return maker.random.choice((values.items, values.values, values.keys))()


KINDS: Final[tuple[Callable[[_Maker], Any], ...]] = (
    _Maker.some,
    _Maker.some,
    lambda maker: {name: maker.pick() for name in "abc"},
    lambda maker: {maker.hashable(): maker.pick() for _ in range(2)},
    lambda maker: tuple(maker.some()),
    lambda maker: Pair(maker.pick(), maker.pick()),
    lambda maker: {maker.hashable() for _ in range(3)},
    lambda maker: frozenset(maker.hashable() for _ in range(2)),
    lambda maker: collections.deque(maker.some()),
    lambda maker: collections.OrderedDict(a=maker.pick()),
    lambda maker: collections.defaultdict(list, a=maker.pick()),
    lambda maker: types.SimpleNamespace(a=maker.pick()),
    lambda maker: types.MappingProxyType(maker.of_type(dict, lambda: {"k": []})),
    lambda maker: _plain(maker, 2),
    lambda maker: _plain(maker, 2),
    lambda maker: _plain(maker, 60),
    _materialised,
    _dict_of,
    _slotted,
    _of_list,
    lambda maker: Frozen(maker.pick(), maker.pick()),
    lambda maker: closure_of(maker.pick()),
    lambda maker: closure_of(maker.function()),
    lambda maker: maker.random.choice(assigning(maker.pick())),
    lambda maker: list(assigning(maker.pick())),
    lambda maker: default_of(maker.pick()),
    _function_with_attribute,
    lambda maker: types.CellType(maker.pick()),
    lambda maker: types.CellType(types.CellType(maker.pick())),
    lambda maker: Plain.method.__get__(maker.of_type(Plain, Plain)),
    lambda maker: maker.of_type(list, list).append,
    lambda maker: functools.partial(maker.function(), *maker.some(), key=maker.pick()),
    _weak,
    lambda maker: _weak(maker, maker.function()),
    _view,
    lambda maker: bytearray(b"content"),
    lambda maker: array.array("b", b"content"),
    lambda maker: io.BytesIO(b"content"),
    _iterator,
    _dict_view,
    lambda maker: suspended(maker.pick(), started=maker.random.random() < 0.5),
    lambda maker: ValueError(maker.pick()),
    lambda maker: slice(maker.pick(), maker.pick()),
)
HOLDERS: Final[tuple[Callable[[Any], Any], ...]] = (
    lambda node: [node],
    lambda node: (node, 1),
    closure_of,
    default_of,
    lambda node: getattr(node, "__dict__", node) if type(node) is Plain else node,
    lambda node: memoryview(node) if type(node) is bytearray else node,
    lambda node: weakref.ref(node) if _has_weakrefs(node) else node,
    lambda node: weakref.ref(node, closure_of(1)) if _has_weakrefs(node) else node,
    lambda node: functools.partial(print, node),
    lambda node: types.CellType(node),
    lambda node: iter([node]),
)


def _link(maker: _Maker) -> None:
    """Let a node hold another one, perhaps one that was made later."""
    holder, value = maker.random.choice(maker.nodes), maker.random.choice(maker.nodes)
    kind = type(holder)
    if kind in (list, OfList, collections.deque):
        holder.append(value)
    elif kind in (dict, collections.OrderedDict):
        holder["link"] = value
    elif kind in (Plain, types.SimpleNamespace):
        holder.link = value
    elif kind is types.CellType:
        holder.cell_contents = value


def random_graph(seed: int) -> Graph:
    """Make a graph; the same seed makes the same one."""
    maker = _Maker(seed)
    for _ in range(maker.random.randint(1, 12)):
        maker.nodes.append(maker.random.choice(KINDS)(maker))
    for _ in range(maker.random.randint(0, 3)):
        _link(maker)
    outside = [
        maker.random.choice(HOLDERS)(maker.random.choice(maker.nodes))
        for _ in range(maker.random.choice((0, 0, 0, 1, 1, 2)))
    ]
    root: list[Any] = []
    for node in reversed(maker.nodes):
        if id(node) not in reachable(root):
            # What neither side reached would be garbage, whose references count.
            (root if maker.random.random() < 0.97 else outside).append(node)
    return Graph(root, outside)


# -- The judge. ------------------------------------------------------------------------------------

_COPY: Final = (type(None), int, str, bytes, float, type, types.ModuleType, types.CodeType)
_IMMUTABLE: Final = (
    tuple,
    Pair,
    frozenset,
    Frozen,
    slice,
    types.FunctionType,
    types.MethodType,
    types.BuiltinMethodType,
    types.MappingProxyType,
    weakref.ref,
)


def edges(node: Any) -> list[Any]:
    """List what an object holds, without what makes up the program."""
    kind = type(node)
    if kind is types.BuiltinMethodType and isinstance(node.__self__, types.ModuleType):
        return []
    if kind is types.FunctionType:
        # Its attributes and keyword-only defaults are its own; the dicts around them do not count.
        keywords, attributes = node.__kwdefaults__ or {}, node.__dict__
        held = [node.__closure__, node.__defaults__, *keywords.values(), *attributes.values()]
    elif kind is dict:  # that of an instance may leave its values to the instance
        held = [*node.keys(), *node.values()]
    else:
        held = gc.get_referents(node)
    return [value for value in held if type(value) not in _COPY]


def reachable(start: list[Any]) -> dict[int, Any]:
    """Return all that the elements of a list reach, themselves included, by identity."""
    found: dict[int, Any] = {}
    waiting = list(start)
    while waiting:
        node = waiting.pop()
        if id(node) not in found and type(node) not in _COPY:
            found[id(node)] = node
            waiting += edges(node)
    return found


def _with_dicts(found: dict[int, Any]) -> dict[int, Any]:
    """Add the `__dict__` of every instance, which asking for it may create."""
    dicts = [node.__dict__ for node in found.values() if type(node) is Plain]
    return found | {id(attributes): attributes for attributes in dicts}


def _captured_cells(nodes: Iterable[Any]) -> set[int]:
    """Find the cells that belong to closures; any other can be filled by whoever holds it."""
    functions = [node for node in nodes if type(node) is types.FunctionType]
    return {id(cell) for function in functions for cell in function.__closure__ or ()}


def _assigned_cells(nodes: Iterable[Any]) -> set[int]:
    """Find the cells that a function assigns: whatever is in them, they change."""
    found: set[int] = set()
    for node in nodes:
        if type(node) is types.FunctionType and node.__closure__ is not None:
            names = _assigned_names(node.__code__)
            pairs = zip(node.__code__.co_freevars, node.__closure__, strict=True)
            found |= {id(cell) for name, cell in pairs if name in names}
    return found


@functools.cache
def _assigned_names(code: types.CodeType) -> frozenset[str]:
    steps = dis.get_instructions(code)
    return frozenset(
        step.argval for step in steps if step.opname in {"STORE_DEREF", "DELETE_DEREF"}
    )


def _is_item(value: Any) -> bool:
    """Tell whether a value is a part of the program, as every closure may use it."""
    if type(value) is types.FunctionType:
        contents = [cell.cell_contents for cell in value.__closure__ or ()]
        return all(map(_is_item, contents))
    is_builtin = type(value) is types.BuiltinMethodType
    return isinstance(value, type) or (is_builtin and isinstance(value.__self__, types.ModuleType))


def _can_change(node: Any) -> bool:
    if type(node) is types.CellType:
        return not _is_item(node.cell_contents)
    return type(node) not in _IMMUTABLE


def _is_frozen(value: Any) -> bool:
    nodes = list(reachable([value]).values())
    assigned, captured = _assigned_cells(nodes), _captured_cells(nodes)
    cells = {id(node) for node in nodes if type(node) is types.CellType}
    return cells <= captured and not assigned and not any(map(_can_change, nodes))


def reaches_weakref(value: Any) -> bool:
    """Tell whether a weak reference is among what a value holds."""
    return any(type(node) is weakref.ref for node in reachable([value]).values())


def can_be_cleared(graph: Graph) -> bool:
    """Tell whether CPython's collector may clear what is alive here (gh-130327).

    It does not see that an instance's dict leads to the instance's values.
    """
    sample = Plain()
    sample.value = sample  # type: ignore[attr-defined]
    if any(held is sample.__dict__ for held in gc.get_referents(sample)):
        return False
    nodes = reachable([*graph.root, *graph.outside])
    return any(id(node.__dict__) in nodes for node in nodes.values() if type(node) is Plain)


def is_isolated(graph: Graph) -> bool:
    """Tell whether nobody outside can see, or cause, a change of what the root holds."""
    inside = _with_dicts(reachable(graph.root))
    others = _with_dicts(reachable(graph.outside))
    shared = [node for address, node in inside.items() if address in others]
    both = [*inside.values(), *others.values()]
    assigned, captured = _assigned_cells(both), _captured_cells(both)
    for node in shared:
        if _can_change(node) or id(node) in assigned:
            return False
        if type(node) is types.CellType and id(node) not in captured:
            return False
    targets = [node() for node in others.values() if type(node) is weakref.ref]
    if any(id(target) in inside and not _is_frozen(target) for target in targets):
        return False
    targets = [node() for node in inside.values() if type(node) is weakref.ref]
    return all(id(target) in inside or _is_frozen(target) for target in targets)
