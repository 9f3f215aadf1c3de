"""What one borrower holds: variables, and objects with what is done to them."""

from __future__ import annotations

import builtins
import functools
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple, cast

from pythread_rs.ownership._calls import BUILTINS, HANDING_OVER
from pythread_rs.ownership._effects import GLOBAL, Effects, Position, Use, effects
from pythread_rs.ownership._judge import Verdict, judge, python_method, type_of
from pythread_rs.ownership._values import DEEPEST

__all__ = ["Environment", "Loan", "Seen", "VariableLoan", "borrowed_by"]

_MAX_FOLLOWED = 6  # functions called by functions; what is called deeper is unknown
_MAX_PLAIN = 16384  # variables of code objects, with no measure behind it
_BUILTIN_TYPES = frozenset({list, dict, set, bytearray, tuple, frozenset, deque})
_NOTHING: Any = object()
_PURE = {getattr(builtins, name): builtin for name, builtin in BUILTINS.items()}


class Seen(NamedTuple):
    """One use and the place in the borrower's source that leads to it."""

    use: Use
    file: str
    position: Position


class VariableLoan(NamedTuple):
    """A variable that a borrower reads or rebinds; `key` is the same for the same variable."""

    key: tuple[Any, ...]
    name: str
    writes: bool
    file: str
    position: Position
    keeper: object  # keeps the id in `key` from being used again


class Loan(NamedTuple):
    """An object that a borrower uses, under the name that it has there.

    `uses` is the same tuple for the same code, unless calls had to be followed.
    """

    name: str
    value: Any
    uses: tuple[Seen, ...]


class Environment:
    """The values of the variables that a code object names; `get` gives `_NOTHING` for unknown."""

    __slots__ = ("followed", "globals", "parameters", "values")

    def __init__(
        self,
        module: Mapping[str, Any],
        values: Mapping[str, Any],
        parameters: Mapping[str, Any],
        followed: dict[tuple[int, str, int], tuple[Use, ...]] | None = None,
    ) -> None:
        self.globals = module
        self.values = values
        self.parameters = parameters
        # What functions do to a parameter, by function, parameter and how far calls are followed:
        # one that calls itself twice would be followed two to the power of that times.
        self.followed = {} if followed is None else followed

    def get(self, root: str) -> Any:
        """Give the value of a variable as the analysis names it."""
        if root.startswith(GLOBAL):
            name = root.removeprefix(GLOBAL)
            found = self.globals.get(name, _NOTHING)
            return getattr(builtins, name, _NOTHING) if found is _NOTHING else found
        found = self.values.get(root, _NOTHING)
        return self.parameters.get(root, _NOTHING) if found is _NOTHING else found

    def holds(self, assumed: frozenset[str]) -> bool:
        """Tell whether the builtins that the analysis took for granted are what they were."""
        for name in assumed:
            first, *rest = name.split(".")
            value = self.get(GLOBAL + first)
            for part in rest:
                value = getattr(value, part, _NOTHING) if isinstance(value, ModuleType) else None
            if name.rpartition(".")[2] in HANDING_OVER:
                plain = type_of(value) in {type, FunctionType, BuiltinFunctionType}
                if not plain or not str(value.__module__).startswith("pythread_rs"):
                    return False
            elif first in self.globals and value is not getattr(builtins, name):
                return False
        return True


def cells_of(function: FunctionType) -> dict[str, Any]:
    """Give what the captured variables of a function hold, empty ones left out."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def bound(code: CodeType, function: FunctionType, args: Any, kwargs: Any) -> dict[str, Any]:
    """Give the parameters of a function the objects that a call gives them."""
    count = code.co_argcount
    names = code.co_varnames
    defaults = function.__defaults__ or ()
    found: dict[str, Any] = dict(zip(names[count - len(defaults) : count], defaults, strict=True))
    found |= function.__kwdefaults__ or {}
    found |= dict(zip(names[:count], args, strict=False))
    named = names[code.co_posonlyargcount : count + code.co_kwonlyargcount]
    rest = {name: value for name, value in kwargs.items() if name not in named}
    found |= {name: value for name, value in kwargs.items() if name in named}
    extra = count + code.co_kwonlyargcount
    if code.co_flags & 4:
        found[names[extra]] = tuple(args[count:])
        extra += 1
    if code.co_flags & 8:
        found[names[extra]] = rest
    return found


def unknown_uses(why: str) -> tuple[Use, ...]:
    """Give the uses of an object of which nothing is known."""
    return tuple(Use(level, "escape", why) for level in range(DEEPEST + 1))


class Collector:
    """Gathers what a call of a function borrows."""

    def __init__(
        self, tracks: Callable[[FunctionType], bool], is_free: Callable[[object], bool]
    ) -> None:
        self.tracks = tracks  # whether the globals of a function count as variables
        self.is_free = is_free  # whether an object needs no check
        self.variables: list[VariableLoan] = []
        self.objects: list[Loan] = []
        self.seen: set[int] = set()

    def call(self, f: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Add what `f(*args, **kwargs)` borrows."""
        kind = type_of(f)  # `__class__` may say anything
        if kind is functools.partial:
            part = cast("functools.partial[object]", f)
            self.call(part.func, (*part.args, *args), {**part.keywords, **kwargs})
        elif kind is MethodType:
            bound_method = cast("MethodType", f)
            self.call(bound_method.__func__, (bound_method.__self__, *args), kwargs)
        elif kind is FunctionType:
            self.function(cast("FunctionType", f), args, kwargs)
        elif kind is BuiltinFunctionType or _pure(f) is not None:
            self.builtin(cast("BuiltinFunctionType", f), args, kwargs)
        elif (method := python_method(type_of(f), "__call__")) is not None:
            self.function(method, (f, *args), kwargs)
        else:
            is_class = issubclass(kind, type)
            name = cast("type", f).__name__ if is_class else kind.__name__
            self.unknown(args, kwargs, f"passed to `{name}`")
            if kind.__name__ != "Moved" and not is_class and not self.is_free(f):
                self.objects.append(Loan("self", f, _seen(unknown_uses("called"))))

    def unknown(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], why: str) -> None:
        """Add arguments that go to code that is not known."""
        for index, value in enumerate((*args, *kwargs.values())):
            self.objects.append(Loan(f"argument {index + 1}", value, _seen(unknown_uses(why))))

    def builtin(self, f: BuiltinFunctionType, args: tuple[Any, ...], kwargs: Any) -> None:
        """Add the arguments of a builtin, and the object whose method it is."""
        owner = f.__self__ if type_of(f) is BuiltinFunctionType else None
        known = None if kwargs else _pure(f)
        if known is None:
            self.unknown(args, kwargs, f"passed to `{f.__name__}`")
        else:
            uses = [Use(0, op) for op in known.does]
            uses += [Use(level, op) for op in known.to_items for level in (1, 2)]
            for index, value in enumerate(args):
                self.objects.append(Loan(f"argument {index + 1}", value, _seen(tuple(uses))))
        if owner is not None and not isinstance(owner, ModuleType):
            self.objects.append(Loan(f.__name__, owner, _seen((Use(0, "method", f.__name__),))))

    def function(self, f: FunctionType, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Add what a plain function borrows: captures, globals of a script, parameters."""
        code = f.__code__
        found = effects(code)
        values = cells_of(f)
        parameters = bound(code, f, args, kwargs)
        environment = Environment(f.__globals__, values, parameters)
        opaque = found.opaque or not environment.holds(found.assumed)
        self.captured(f, found)
        self.values({**parameters, **values}, found, environment, code.co_filename, opaque)
        if self.tracks(f):
            self.script(f.__globals__, found, environment, code.co_filename, opaque)

    def captured(self, f: FunctionType, found: Effects) -> None:
        """Add the captured variables of a function, each by its cell."""
        code = f.__code__
        for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            self.variable((id(cell),), name, found, code.co_filename, cell)

    def variable(
        self, key: tuple[Any, ...], name: str, found: Effects, file: str, keeper: object
    ) -> None:
        """Add a variable if the code reads or rebinds it."""
        shown = name.removeprefix(GLOBAL)
        if name in found.writes:
            place = found.writes[name]
            self.variables.append(VariableLoan(key, shown, True, file, place, keeper))
        elif name in found.reads:
            place = found.reads[name]
            self.variables.append(VariableLoan(key, shown, False, file, place, keeper))

    def script(
        self,
        module: dict[str, Any],
        found: Effects,
        environment: Environment,
        file: str,
        opaque: bool,
    ) -> None:
        """Add the globals of a script that the code names; they are `main`'s locals."""
        used: dict[str, Any] = {}
        for root in {*found.reads, *found.writes}:
            name = root.removeprefix(GLOBAL)
            if root.startswith(GLOBAL) and (name in module or root in found.writes):
                self.variable((id(module), name), root, found, file, module)
                if name in module:
                    used[root] = module[name]
        self.values(used, found, environment, file, opaque)

    def values(
        self,
        values: Mapping[str, Any],
        found: Effects,
        environment: Environment,
        file: str,
        opaque: bool,
    ) -> None:
        """Add the objects in variables, with what is done to them."""
        for root, value in values.items():
            uses = found.uses.get(root)
            if type_of(value) is FunctionType:
                if uses or opaque:
                    self.captured_function(value)
            elif self.is_free(value):
                continue
            elif opaque:
                place = found.reads.get(root, Position(0, 0, 0, 0))
                unknown = unknown_uses("used by code that cannot be analysed")
                seen = tuple(Seen(use, file, place) for use in unknown)
                self.objects.append(Loan(root.removeprefix(GLOBAL), value, seen))
            elif uses:
                seen = seen_uses(uses, value, environment, file)
                self.objects.append(Loan(root.removeprefix(GLOBAL), value, seen))

    def captured_function(self, value: FunctionType) -> None:
        """Add a function that is captured: it stands for what it captures."""
        if (value.__closure__ or value.__defaults__) and id(value) not in self.seen:
            self.seen.add(id(value))
            self.function(value, (), {})


def _seen(uses: tuple[Use, ...]) -> tuple[Seen, ...]:
    return tuple(Seen(use, "", Position(0, 0, 0, 0)) for use in uses)


_plain: dict[int, tuple[object, tuple[Seen, ...] | None]] = {}


def seen_uses(
    uses: Mapping[Use, Position], value: Any, environment: Environment, file: str
) -> tuple[Seen, ...]:
    """Give the uses of an object; they are worked out once where nothing is called."""
    known = _plain.get(id(uses))
    if known is None:
        depends = any(use.op == "passed" or use.inner for use in uses)
        plain = None if depends else tuple(Seen(use, file, place) for use, place in uses.items())
        if len(_plain) >= _MAX_PLAIN:
            _plain.clear()
        known = _plain[id(uses)] = (uses, plain)
    plain = known[1]
    if plain is not None and type(value) in _BUILTIN_TYPES:
        return plain
    return tuple(followed(uses, value, environment, file))


def followed(
    uses: Mapping[Use, Position], value: Any, environment: Environment, file: str
) -> Iterator[Seen]:
    """Give the uses of an object, calls of plain Python functions replaced by what these do."""
    known: set[Use] = set()
    for use, place in uses.items():
        for inner in _follow(use, value, environment, _MAX_FOLLOWED):
            if inner not in known:
                known.add(inner)
                yield Seen(inner, file, place)


def _follow(use: Use, value: Any, environment: Environment, left: int) -> Iterator[Use]:
    if use.op == "passed":
        yield from _follow_passed(use, environment, left)
        return
    method = (
        python_method(type_of(value), use.name) if use.op == "method" and not use.level else None
    )
    if method is None or method.__closure__ or not left:
        yield use
        return
    first = method.__code__.co_varnames[:1]
    yield from _follow_into(use, method, first[0] if first else "", environment, left)


def _follow_passed(use: Use, environment: Environment, left: int) -> Iterator[Use]:
    """Follow an argument into the function that gets it, or to what its result is used for."""
    called = f"{use.callee.removeprefix(GLOBAL)}{'.' if use.name else ''}{use.name}"
    callee: Any = environment.get(use.callee)
    slot = use.slot
    if use.name and callee is not _NOTHING:
        if type_of(callee) is ModuleType:
            callee = cast("ModuleType", callee).__dict__.get(use.name, _NOTHING)
        else:
            method = python_method(type_of(callee), use.name)
            if method is None:
                yield from _follow_builtin_method(use, type_of(callee), called, environment, left)
                return
            callee = method
            slot = slot + 1 if isinstance(slot, int) else slot
    if type_of(callee) is FunctionType and left:
        yield from _follow_slot(use, cast("FunctionType", callee), slot, environment, left)
    elif (builtin := _pure(callee)) is not None and isinstance(slot, int):
        yield from (Use(use.level, op) for op in builtin.does)
        yield from (
            Use(level, op) for op in builtin.to_items for level in range(use.level, DEEPEST + 1)
        )
        if use.inner is not None and builtin.gives not in {"none", "text"}:
            nearest = use.level + (builtin.gives != "items")
            yield from _follow_inner(use.inner, nearest, environment, left)
    else:
        yield from unknown_from(use.level, f"passed to `{called}`")


def _pure(callee: object) -> Any:
    """Give what is known of a builtin; of other objects not even the hash is asked for."""
    return _PURE.get(callee) if type_of(callee) in {type, BuiltinFunctionType} else None


def _follow_builtin_method(
    use: Use, kind: type, called: str, environment: Environment, left: int
) -> Iterator[Use]:
    if judge(Use(0, "method", use.name), kind) is Verdict.READ:
        # What a reading method does to its argument: it compares it, or goes through it.
        if use.inner is None:
            yield from (Use(level, "compare") for level in range(use.level, DEEPEST + 1))
            yield Use(use.level, "iter")
        else:
            yield from _follow_inner(use.inner, use.level, environment, left)
    else:
        yield from unknown_from(use.level, f"passed to `{called}`")


def _follow_inner(use: Use, nearest: int, environment: Environment, left: int) -> Iterator[Use]:
    """Follow what is done to the result of a call, by the code that made the call.

    The result is something from the level `nearest` on, or holds it.
    """
    for deeper in _follow(use, None, environment, left - 1):
        for level in range(min(nearest, DEEPEST), DEEPEST + 1):
            yield _at(deeper, level)


def _at(use: Use, level: int) -> Use:
    return use._replace(level=min(use.level + level, DEEPEST))


def unknown_from(level: int, why: str) -> Iterator[Use]:
    """Give uses that may be anything, from a level downwards."""
    for deeper in range(level, DEEPEST + 1):
        yield Use(deeper, "escape", why)


def _follow_slot(
    use: Use, callee: FunctionType, slot: int | str, environment: Environment, left: int
) -> Iterator[Use]:
    code = callee.__code__
    if isinstance(slot, int):
        name = code.co_varnames[slot] if slot < code.co_argcount else ""
    else:
        name = slot if slot in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] else ""
    if use.inner is None:
        yield from _follow_into(use, callee, name, environment, left)
    else:
        levels = [atom.level for atom in effects(code).returns if atom.root == name]
        if levels or not name:
            nearest = use.level + min(levels, default=0)
            yield from _follow_inner(use.inner, nearest, environment, left)


def _follow_into(
    use: Use, callee: FunctionType, name: str, caller: Environment, left: int
) -> Iterator[Use]:
    """Give what a function does to one parameter."""
    key = (id(callee), name, left)
    does = caller.followed.get(key)
    if does is None:
        does = tuple(dict.fromkeys(_done_by(callee, name, caller, left)))
        caller.followed[key] = does
    for inner in does:
        yield _at(inner, use.level) if use.level else inner


def _done_by(callee: FunctionType, name: str, caller: Environment, left: int) -> Iterator[Use]:
    found = effects(callee.__code__)
    environment = Environment(callee.__globals__, cells_of(callee), {}, caller.followed)
    if not name or found.opaque or not environment.holds(found.assumed):
        yield from unknown_from(0, f"passed to `{callee.__name__}`")
        return
    for inner in found.uses.get(name, {}):
        if inner.op != "return":
            yield from _follow(inner, None, environment, left - 1)


def borrowed_by(
    f: object,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    tracks: Callable[[FunctionType], bool],
    is_free: Callable[[object], bool],
) -> tuple[CodeType | None, list[VariableLoan], list[Loan]]:
    """Give the code of `f`, and the variables and objects that a call of it borrows."""
    collector = Collector(tracks, is_free)
    collector.call(f, args, kwargs)
    code = cast("FunctionType", f).__code__ if type_of(f) is FunctionType else None
    return code, collector.variables, collector.objects
