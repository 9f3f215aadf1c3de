"""The frames around a scope's spawn, from the caller up to the block that the scope belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any

from pythread_rs import _ffi
from pythread_rs.ownership._body import Body, body_after
from pythread_rs.ownership._effects import GLOBAL
from pythread_rs.ownership._loans import Collector, Environment, Loan, VariableLoan, cells_of

__all__ = ["FrameBody", "Surroundings", "same_variable", "surroundings"]

_MAX_FRAMES = 32  # between the spawn and its scope's block; more than that and it is unknown
_CO_OPTIMIZED = 1


class FrameBody:
    """One frame that goes on after the spawn: a borrower like a thread."""

    __slots__ = ("_frame", "_values", "after", "code", "objects", "variables")

    def __init__(self, code: CodeType, lasti: int, frame: FrameType | None) -> None:
        self.code = code
        self.after: Body = body_after(code, lasti)
        self._frame = frame
        self._values: Mapping[str, Any] | None = None
        self.variables: list[VariableLoan] = []
        self.objects: list[Loan] = []

    def values(self) -> Mapping[str, Any]:
        """Give what the variables of the frame hold; nothing if only its code is known."""
        if self._values is None:
            self._values = {} if self._frame is None else _locals_of(self._frame, self.code)
        return self._values

    def look(self, f: object, is_free: Callable[[object], bool]) -> None:
        """Find the variables and objects that the rest of the frame uses."""
        effects = self.after.effects
        if not effects.uses and not effects.opaque:
            return
        module: Mapping[str, Any] = {} if self._frame is None else self._frame.f_globals
        values = dict(self.values())
        if self._frame is None and isinstance(f, FunctionType):
            module = f.__globals__
            if f.__code__ in _codes_in(self.code):
                values |= cells_of(f)
        for root in effects.uses:
            name = root.removeprefix(GLOBAL)
            if name is not root and name in module:
                values[root] = module[name]
        environment = Environment(module, values, {})
        opaque = effects.opaque or not environment.holds(effects.assumed)
        # What functions that the frame calls capture is found with the rest.
        collector = Collector(lambda _: False, is_free)
        collector.values(values, effects, environment, self.code.co_filename, opaque)
        self.variables = collector.variables
        self.objects = collector.objects


_NOTHING: Any = object()


def _locals_of(frame: FrameType, code: CodeType) -> dict[str, Any]:
    """Copy the variables of a frame, without leaving references in it."""
    return _ffi.locals_of(frame) if code.co_flags & _CO_OPTIMIZED else dict(frame.f_locals)


class Surroundings:
    """Where a spawn was called, and every frame up to the scope's block."""

    __slots__ = ("_module", "bodies", "is_known", "site")

    def __init__(
        self,
        site: tuple[CodeType, int] | None,
        bodies: list[FrameBody],
        is_known: bool,
        module: Mapping[str, Any] | None,
    ) -> None:
        self.site = site
        self.bodies = bodies
        self.is_known = is_known  # whether the block was found
        self._module = module

    @property
    def is_direct(self) -> bool:
        """Whether the spawn is called in the block itself, not in a function that it calls."""
        return self.is_known and len(self.bodies) == 1

    def tracks(self, f: FunctionType) -> bool:
        """Tell whether the globals of a function are the variables of a script.

        They are in `__main__`, and where the block itself stands at module level.
        """
        module = f.__globals__
        return module.get("__name__") == "__main__" or module is self._module


def surroundings(code: CodeType | None, lasti: int, frame: FrameType | None) -> Surroundings:
    """Look from the caller up to the block of the scope."""
    if code is None:
        return Surroundings(None, [], False, None)
    site = (code, lasti)
    bodies: list[FrameBody] = []
    for _ in range(_MAX_FRAMES):
        body = FrameBody(code, lasti, frame)
        bodies.append(body)
        if body.after.has_scope:
            is_module = frame is not None and not code.co_flags & _CO_OPTIMIZED
            module = frame.f_globals if is_module and frame is not None else None
            return Surroundings(site, bodies, True, module)
        frame = None if frame is None else frame.f_back
        if frame is None:
            break
        code, lasti = frame.f_code, frame.f_lasti
    return Surroundings(site, bodies[:1], False, None)


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const
            yield from _codes_in(const)


def _sees(outer: CodeType, inner: CodeType, name: str) -> bool:
    """Tell whether `name` in `inner` is the variable of that name in `outer` around it."""
    for const in outer.co_consts:
        if (
            isinstance(const, CodeType)
            and name in const.co_freevars
            and (const is inner or _sees(const, inner, name))
        ):
            return True
    return False


def same_variable(function: object, loan: VariableLoan, body: FrameBody) -> bool:
    """Tell whether a variable that a child borrows is the one of that name in a frame."""
    if len(loan.key) > 1:
        frame = body._frame
        return frame is None or id(frame.f_globals) == loan.key[0]
    code = body.code
    if loan.name not in code.co_cellvars and loan.name not in code.co_freevars:
        return False
    if not isinstance(function, FunctionType) or _sees(code, function.__code__, loan.name):
        # What a partial or a method captures is looked for by the name alone.
        return True
    # A closure made elsewhere. The frame does not show its cells, so the same name, the same
    # object in it and the same function that owns both have to do.
    inner = function.__code__.co_qualname
    owner = code.co_qualname.rpartition(".<locals>")[0]
    if not owner or not inner.startswith(f"{owner}.<locals>"):
        return False
    values = body.values()
    try:
        content = loan.keeper.cell_contents  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        return False
    return values.get(loan.name, _NOTHING) is content
