"""The instructions that make functions and call what is on the stack."""

from __future__ import annotations

from dis import Instruction
from types import CodeType

from pythread_rs.ownership._calls import (
    BUILTINS,
    COUNTING,
    FRESH,
    HANDING_OVER,
    PAIRING,
    SEEING_EVERYTHING,
    Builtin,
)
from pythread_rs.ownership._interpreter import GLOBAL, Interpreter
from pythread_rs.ownership._opcodes import NULL_FIRST
from pythread_rs.ownership._values import (
    DEEPEST,
    EMPTY,
    TEXT,
    Atom,
    Function,
    Use,
    Value,
    boxed,
    flat,
    items,
    without_functions,
)

__all__ = ["Call", "CallSteps"]

from typing import NamedTuple


class Call(NamedTuple):
    """A call: what is called, and with what."""

    callee: Value
    values: tuple[Value, ...]
    keywords: dict[str, Value]
    spread: bool = False  # f(*a, **k): `values` holds one value for all the arguments


class CallSteps(Interpreter):
    """CALL in all its forms, and MAKE_FUNCTION."""

    hands_over = False  # whether `move`, `take` and `shared` take a closure off this code's hands

    def op_make_function(self, at: Instruction) -> None:
        code = next((atom.extra for atom in self.pop() if atom.kind == "const"), None)
        flags = (at.arg or 0) if NULL_FIRST else 0
        if flags & 8:
            self.pop()
        if flags & 4:
            self.pop()
        keywords = self.pop() if flags & 2 else EMPTY
        defaults = self.pop() if flags & 1 else EMPTY
        if not isinstance(code, CodeType):
            self.push(EMPTY)
            return
        self.push(self.function(Function(code), defaults, keywords))

    def function(self, function: Function, defaults: Value, keywords: Value) -> Value:
        """Give a function with its defaults."""
        values = function.defaults
        for atom in defaults:
            if atom.kind == "tuple":
                values = atom.extra
            elif atom.kind == "box":
                values = (items(defaults),) * function.code.co_argcount
        keywords = frozenset[Atom]().union(*(items(frozenset([atom])) for atom in keywords))
        for value in (keywords, *values):
            # A function in a default of a function, and so on, would have no end in a loop.
            for atom in flat(value):
                if atom.kind == "func":
                    self.consume(atom.extra)
        keywords = without_functions(keywords)
        values = tuple(without_functions(value) for value in values)
        made = Function(function.code, values, function.keywords | keywords)
        return frozenset([Atom("func", extra=made)])

    def op_set_function_attribute(self, at: Instruction) -> None:
        value, made = self.take(2)
        defaults = value if at.arg == 1 else EMPTY
        keywords = value if at.arg == 2 else EMPTY
        found = EMPTY
        for atom in made:
            if atom.kind == "func":
                found |= self.function(atom.extra, defaults, keywords)
        self.push(found)

    def op_kw_names(self, at: Instruction) -> None:
        self.keyword_names = self.code.co_consts[at.arg or 0]

    def op_call(self, at: Instruction) -> None:
        names, self.keyword_names = self.keyword_names, ()
        self.call_named(at.arg or 0, names)

    def op_call_kw(self, at: Instruction) -> None:
        names = next((atom.extra for atom in self.pop() if atom.kind == "const"), ())
        self.call_named(at.arg or 0, names)

    def call_named(self, count: int, names: tuple[str, ...]) -> None:
        """Call with so many arguments, the last ones by name."""
        values = self.take(count)
        callee, second = self.take(2)
        cut = count - len(names)
        keywords = dict(zip(names, values[cut:], strict=True))
        positional = values[:cut]
        if self.is_null(callee):
            callee = second
        elif not self.is_null(second):  # the receiver, or the iterable of a comprehension
            positional = (second, *positional)
        self.push(self.call(Call(callee, positional, keywords)))

    @staticmethod
    def is_null(value: Value) -> bool:
        """Tell whether a slot of a call is the empty one."""
        return any(atom.kind == "null" for atom in value)

    def op_call_function_ex(self, at: Instruction) -> None:
        # Since 3.14 there is a slot for the keyword arguments in any case.
        has_keywords = bool((at.arg or 0) & 1) or at.arg is None
        keywords = self.pop() if has_keywords else EMPTY
        values = self.pop()
        first, second = self.take(2)
        spread = items(values)
        self.do(values, "iter")
        self.do(keywords, "mapping")
        self.push(self.call(Call(first | second, (spread,), {"**": items(keywords)}, spread=True)))

    def call(self, call: Call) -> Value:
        """Call each thing that the callee may be; give what may come back."""
        found = EMPTY
        callees = [atom for atom in call.callee if atom.kind != "null"]
        for atom in callees:
            found |= self.call_atom(atom, call)
        if not callees:
            self.give_away(call, "passed to a function that is not known")
        return found

    def call_atom(self, atom: Atom, call: Call) -> Value:
        """Call one thing."""
        if atom.kind == "entering":
            return frozenset([Atom("enter", extra=atom.extra)])
        if atom.kind == "func" and not call.spread:
            return self.apply(atom.extra, call.values, call.keywords)
        if atom.kind == "obj" and atom.root.startswith(GLOBAL) and not atom.level:
            name = atom.root.removeprefix(GLOBAL)
            if name in HANDING_OVER and self.hands_over:
                self.assumed.add(name)
                return EMPTY
            if name in SEEING_EVERYTHING:
                self.opaque = True
            if name in BUILTINS:
                self.assumed.add(name)
                return self.call_builtin(BUILTINS[name], call)
        if atom.kind == "obj":
            self.record(atom.root, Use(atom.level, "call"), self.place)
            return self.call_variable(atom, "", call)
        if atom.kind == "method":
            return self.call_method(atom, call)
        if atom.kind == "of":
            return self.call_fresh(atom.extra[0], atom.extra[1], call)
        self.use(frozenset([atom]), Use(0, "call"))
        self.give_away(call, "passed to a function that is not known")
        return EMPTY

    def give_away(self, call: Call, why: str) -> None:
        """Pass the arguments where nobody follows them."""
        for value in (*call.values, *call.keywords.values()):
            self.do(value, "escape", why)

    def call_builtin(self, builtin: Builtin, call: Call) -> Value:
        """Call a builtin that is known to read, and perhaps to call a function on what it reads."""
        yielded = EMPTY
        for value in call.values:
            for op in builtin.does:
                self.do(value, op)
            for op in builtin.to_items:
                self.do(items(value), op)
            yielded |= items(value)
        for name, value in call.keywords.items():
            if name == "key":
                self.call(Call(value, (yielded,), {}))
            elif value:
                self.do(value, "escape", f"passed as {name}")
        if builtin.gives == "box":
            return boxed(yielded)
        if builtin.gives == "pairs":
            return boxed(boxed(yielded))
        if builtin.gives == "items":
            # max(a, b) gives one of them, max(a) one of what it yields.
            several = call.values if len(call.values) > 1 else ()
            return yielded.union(*several)
        return TEXT if builtin.gives == "text" else EMPTY

    def call_variable(self, atom: Atom, method: str, call: Call) -> Value:
        """Call what a variable holds, or a method of it: the run-time part knows what it is."""
        if call.spread or atom.level:
            self.give_away(call, f"passed to `{self.named(atom.root, method)}`")
            return EMPTY
        found = EMPTY
        slots: list[tuple[int | str, Value]] = [*enumerate(call.values), *call.keywords.items()]
        for slot, value in slots:
            if not value:
                continue
            use = Use(0, "passed", method, atom.root, slot)
            self.use(value, use)
            # What comes back is the argument or something reached from it, if the function
            # returns that; the run-time part looks.
            for given in flat(value):
                if given.kind in {"obj", "box", "method"}:
                    found |= {Atom("result", given.root, given.level, use)}
                elif given.kind == "result":
                    found |= {given}
        return found

    @staticmethod
    def named(root: str, method: str) -> str:
        """Give a callable as the source names it."""
        root = root.removeprefix(GLOBAL)
        return f"{root}.{method}" if method else root

    def call_method(self, atom: Atom, call: Call) -> Value:
        """Call a method of an object in a variable, or of something reached from it."""
        name: str = atom.extra
        if self.hands_over and name in HANDING_OVER and atom.root.startswith(GLOBAL):
            self.assumed.add(f"{atom.root.removeprefix(GLOBAL)}.{name}")
            return EMPTY
        self.record(atom.root, Use(atom.level, "method", name), self.place)
        passed = self.call_variable(atom, name, call)
        if name in COUNTING:
            return EMPTY
        inner = frozenset([Atom("obj", atom.root, min(atom.level + 1, DEEPEST))])
        if name in PAIRING:
            return passed | boxed(boxed(inner))
        return passed | boxed(inner) | (EMPTY if name in FRESH else inner)

    def call_fresh(self, owner: Atom, name: str, call: Call) -> Value:
        """Call a method of a text or of a fresh container."""
        if owner.kind == "text":
            for value in (*call.values, *call.keywords.values()):
                self.do(value, "format")
            return TEXT
        if owner.kind == "result":
            self.use(frozenset([owner]), Use(0, "method", name))
        self.give_away(call, f"passed to a method `{name}`")
        held = items(frozenset([owner]))
        return EMPTY if name in COUNTING else held | boxed(held)
