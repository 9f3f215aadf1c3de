"""Which variables of a running function are read again: lifetimes that end at the last use.

The code of the calling frame is followed from the call on, along every way that it may take, until
each variable is read, assigned or deleted. What is found on the way holds for every run: a
variable of which no later use is known is really never read again.
"""

from __future__ import annotations

from functools import cached_property
from types import CodeType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, final

from pythread_rs.ownership._bytecode import CO_OPTIMIZED, Graph, Made, Position, bits, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Argument",
    "LaterUse",
    "Liveness",
    "Position",
    "argument_loads",
    "liveness",
    "module_liveness",
]

Kind = Literal["use", "loop", "closure"]
# Which exception is no way on from a call: none, its own, or also that of the call that takes its
# value.
Failure = Literal["none", "its own", "its taker's"]
Follow = Literal["none", "at once", "all"]
Effect = tuple[int, int, tuple[str, int] | None]

# With one of these a function can read variables that its code does not name.
_SEE_EVERYTHING: Final = frozenset({"dir", "eval", "exec", "globals", "locals", "vars"})
_SEE_FRAMES: Final = frozenset({"_getframe", "currentframe"})


class Read(NamedTuple):
    """Where a variable is read, in which function, and whether by a closure, later on."""

    position: Position
    within: str
    by_closure: bool


class LaterUse(NamedTuple):
    """Where, and in which function, a variable is read after the call.

    By kind: "use": it is read. "loop": the call itself runs again and reads it. "closure": a
    closure reads it, either one made later or one made before that is still in use.
    """

    kind: Kind
    position: Position
    name: str
    within: str


class Argument(NamedTuple):
    """One argument of a call, and the variable that it is, if it is nothing more than that.

    The position is that of the variable's name in the call, or of what computes the argument last.
    """

    keyword: str | None
    name: str | None
    kind: Literal["local", "cell", "global"] | None
    position: Position


class _Variables:
    """What each step reads, stores and deletes, as bits; one bit a variable.

    Args:
        graph: The code.
        follow: Which nested code counts that reads a global name: what runs at once are
            comprehensions and class bodies.
        inside: The steps of the call's own expression, of which functions count too.
    """

    def __init__(self, graph: Graph, follow: Follow, inside: range = range(0)) -> None:
        self.graph = graph
        self._follow: Follow = follow
        self.inside = inside
        self._aside = len(graph.variables)  # a value that is set aside has a bit of its own
        self._nested: dict[int, dict[int, Read]] = {}
        self._effects: dict[int, Effect] = {}

    @cached_property
    def _runs(self) -> dict[int, list[int]]:
        """The steps that make nested code, by the step at which it counts as read."""
        runs: dict[int, list[int]] = {}
        for index in self.graph.made:
            if self.graph.depths[index] >= 0:
                for at in self.graph.runs_at(index):
                    runs.setdefault(at, []).append(index)
        return runs

    def made_at(self, index: int) -> list[int]:
        """List the steps whose nested code counts as read at this step."""
        return self._runs.get(index, [])

    def nested_reads(self, index: int) -> dict[int, Read]:
        """Say which variables the code that a step makes reads before it assigns them."""
        reads = self._nested.get(index)
        if reads is None:
            made = self.graph.made[index]
            found = _first_reads(made.code, self._follow_into(index, made))
            if made.kind == "function":
                found = {name: read._replace(by_closure=True) for name, read in found.items()}
            reads = self._nested[index] = self.graph.outer_names(made, found)
        return reads

    def _follow_into(self, index: int, made: Made) -> Follow:
        if self._follow != "at once":
            return self._follow
        if index in self.inside:
            return "all"
        return "none" if made.kind == "function" else "at once"

    def effect(self, index: int) -> Effect:
        """Give the bits that a step reads, those that it ends, and what it sets aside or back."""
        effect = self._effects.get(index)
        if effect is None:
            effect = self._effects[index] = self._effect(index)
        return effect

    def _effect(self, index: int) -> Effect:
        reads = ends = 0
        special: tuple[str, int] | None = None
        match self.graph.access(index):
            case ("load" | "empty", variable):
                reads = 1 << variable
                if self.graph.variables[variable] == "super" and self.graph.code.co_argcount:
                    reads |= 1  # `super()` finds the first argument in the frame
            case ("store" | "delete", variable):
                ends = 1 << variable
            case (kind, variable):
                special = (kind, variable)
            case None:
                pass
        for made in self.made_at(index):
            for variable in self.nested_reads(made):
                reads |= 1 << variable
        return reads, reads | ends, special

    def reads_at(self, index: int, before: int) -> Iterator[tuple[int, Read]]:
        """Yield the variables of a state that a step reads, nested code included."""
        reads = self.effect(index)[0] & before
        if not reads:
            return
        nested: dict[int, Read] = {}
        for made in self.made_at(index):
            nested = self.nested_reads(made) | nested
        here = Read(self.graph.position(index), self.graph.code.co_qualname, by_closure=False)
        for variable in bits(reads):
            yield variable, nested.get(variable, here)

    def transfer(self, index: int, state: int) -> tuple[int, int]:
        """Give what is left of a state after a step, and what its exception handler gets."""
        if not state:
            return 0, 0
        reads, ends, special = self.effect(index)
        if special is not None:
            kind, variable = special
            taken, given = variable, variable + self._aside
            if kind == "put back":
                taken, given = given, taken
            bit = state >> taken & 1
            state = state & ~(1 << taken | 1 << given) | bit << given
        return state & ~ends, state & ~reads


def _first_reads(code: CodeType, follow: Follow) -> dict[str, Read]:
    """Say which free variables, and which global names, nested code reads before assigning them."""
    graph = Graph(code)
    variables = _Variables(graph, follow)
    slots = len(graph.slots)
    last = slots if follow == "none" else len(graph.variables)
    wanted = (1 << last) - (1 << slots - len(code.co_freevars))
    found: dict[str, Read] = {}
    if wanted:
        for index, before in spread(graph, {0: wanted}, variables.transfer).items():
            for variable, read in variables.reads_at(index, before):
                name = graph.variables[variable]
                found[name] = min(found.get(name, read), read)
    return found


@final
class Liveness:
    """What may still be read after one call.

    Attributes:
        known: False when the code can read variables that it does not name, or is no function's;
            then nothing is said about any variable.
    """

    __slots__ = ("_analyses", "known")

    def __init__(self, analysis: _Analysis | None) -> None:
        self._analyses = {analysis.failure: analysis} if analysis else {}
        self.known = analysis is not None

    def later_use(self, name: str, *, restored: bool = False) -> LaterUse | None:
        """Find the first use of a variable that may come after the call.

        First is meant in the order of the source, from the call on. A use after an assignment does
        not count, nor one that only the call's own exception leads to: a call that fails has moved
        nothing. `del` counts where it would fail after a move: for a cell or a global.

        Args:
            name: A local, cell or free variable; for a module, one of its own variables.
            restored: The value comes back, too, when the call fails that takes what this one
                returns, as in `spawn(move(f))`. Where that leads does not count then.
        """
        analysis = self._with("its taker's" if restored else "its own")
        return analysis.later_use(name) if analysis else None

    def dead(self, *, may_raise: bool = False) -> frozenset[str]:
        """Give the variables of this frame that are never read again; none of a module's.

        A variable that a closure has captured may be among them, and one that this function has
        captured: whether the closure still is there, or the function may run again, is seen in the
        references on the cell and on the function.

        Args:
            may_raise: What is read if the call raises counts as well: for a frame further out,
                whose call may fail after something else has been moved.
        """
        analysis = self._with("none" if may_raise else "its own")
        return analysis.dead if analysis else frozenset()

    def _with(self, failure: Failure) -> _Analysis | None:
        if failure not in self._analyses and self.known:
            other = next(iter(self._analyses.values()))
            self._analyses[failure] = _Analysis(other.variables, other.call, other.module, failure)
        return self._analyses.get(failure)


class _Analysis:
    """The state of every variable after one call, or after a failure of it that does count."""

    def __init__(self, variables: _Variables, call: int, module: bool, failure: Failure) -> None:
        self.graph = variables.graph
        self.variables = variables
        self.call = call
        self.module = module
        self.failure = failure
        self.expression = variables.inside

    @cached_property
    def _after(self) -> dict[int, int]:
        """The variables that still have what they had at the call, before each step after it."""
        starts, passed = self._starts()
        state = spread(self.graph, starts, self.variables.transfer)
        return state | {index: state.get(index, 0) | before for index, before in passed.items()}

    def _starts(self) -> tuple[dict[int, int], dict[int, int]]:
        """Give the bits with which the steps after the call begin, and those passed before them."""
        graph, index, state = self.graph, self.call, (1 << len(self.graph.variables)) - 1
        starts: dict[int, int] = {}
        passed: dict[int, int] = {}
        if self.failure == "none" and (handler := graph.handlers.get(index)):
            starts[handler.target] = state
        taker = graph.call_that_takes(index) if self.failure == "its taker's" else None
        while taker is not None and index != taker:
            index = graph.successors[index][0]
            passed[index] = state
            state, raised = self.variables.transfer(index, state)
            if index != taker and (handler := graph.handlers.get(index)):
                starts[handler.target] = starts.get(handler.target, 0) | raised
        for target in graph.successors[index]:
            starts[target] = starts.get(target, 0) | state
        return starts, passed

    @cached_property
    def _reads(self) -> dict[int, list[tuple[int, Read]]]:
        """The steps that read each variable first, on one way or another."""
        reads: dict[int, list[tuple[int, Read]]] = {}
        for index, before in self._after.items():
            for variable, read in self.variables.reads_at(index, before):
                reads.setdefault(variable, []).append((index, read))
        return reads

    def _numbers(self, name: str) -> list[int]:
        """Find the variables of a name: a comprehension's may be another than the function's."""
        slots = len(self.graph.slots)
        kind = range(slots, len(self.graph.variables)) if self.module else range(slots)
        return [number for number in kind if self.graph.variables[number] == name]

    def later_use(self, name: str) -> LaterUse | None:
        uses: list[LaterUse] = []
        for variable in self._numbers(name):
            for index, read in self._reads.get(variable, []):
                kind = self._kind(index, read)
                uses.append(LaterUse(kind, read.position, name, read.within))
            uses += self._through_siblings(variable)
        call = self.graph.position(self.call)
        uses.sort(key=lambda use: (use.kind == "loop", use.position < call, use.position))
        return uses[0] if uses else None

    def _kind(self, index: int, read: Read) -> Kind:
        if index in self.expression:
            return "loop"
        if not read.by_closure:
            return "use"
        if index not in self.graph.made:
            return "closure"  # in a class body
        # `work` in `def work(): ...; move(work)` is what the call moves.
        held = {("load", holder) for _, holder in self.graph.stores_of(index)}
        return "closure" if held.isdisjoint(map(self.graph.access, self.expression)) else "loop"

    @cached_property
    def _siblings(self) -> dict[int, list[tuple[int | None, Read]]]:
        """For each variable, who reads it among what was made before the call, and who holds that.

        The holder is a local variable, or None for a value that waits on the stack.
        """
        siblings: dict[int, list[tuple[int | None, Read]]] = {}
        sites: list[tuple[int, int, int]] = []  # what is made, where it is stored, and in what
        if self.module or not self.graph.slots:
            return siblings
        for index, made in self.graph.made.items():
            if made.cells and self.graph.depths[index] >= 0 and self._kept_reads(index):
                stores = self.graph.stores_of(index)
                sites += [(index, store, holder) for store, holder in stores]
                start = self.expression.start
                if any(self.graph.is_waiting(at, start) for at in self.graph.runs_at(index)):
                    for variable, read in self._kept_reads(index).items():
                        siblings.setdefault(variable, []).append((None, read))
        for index, holder in self._that_reach_the_call(sites):
            for variable, read in self._kept_reads(index).items():
                siblings.setdefault(variable, []).append((holder, read))
        return siblings

    def _kept_reads(self, index: int) -> dict[int, Read]:
        """Say what the value that a step makes reads later on: a closure, generator or class."""
        made = self.graph.made[index]
        if made.kind in {"function", "generator"}:
            return self.variables.nested_reads(index)
        if made.kind == "comprehension":
            return {}  # it is over, and what it left is not followed
        body = Graph(made.code)
        methods = _Variables(body, "none")
        found: dict[str, Read] = {}
        for method in body.made:
            for variable, read in methods.nested_reads(method).items():
                found.setdefault(body.variables[variable], read)
        return self.graph.outer_names(made, found)

    def _that_reach_the_call(self, sites: list[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
        """Yield what is made and its holder, if the holder can still have it at the call."""
        if not sites:
            return
        stored: dict[int, int] = {}
        held: dict[int, int] = {}
        for number, (_, store, holder) in enumerate(sites):
            stored[store] = stored.get(store, 0) | 1 << number
            held[holder] = held.get(holder, 0) | 1 << number

        def transfer(index: int, state: int) -> tuple[int, int]:
            access = self.graph.access(index)
            if access and access[0] in {"store", "delete", "empty"}:
                state = state & ~held.get(access[1], 0)
            state |= stored.get(index, 0)
            return state, state

        state = spread(self.graph, {0: 0}, transfer)
        for number in bits(state.get(self.call, 0)):
            index, _, holder = sites[number]
            yield index, holder

    def _through_siblings(self, variable: int) -> Iterator[LaterUse]:
        """Yield the uses of what was made before the call and reads a variable later."""
        name = self.graph.variables[variable]
        seen = {variable}
        # A holder may itself be read by a sibling. None of them may be assigned in between.
        todo: list[tuple[int, int, Read | None]] = [(variable, 1 << variable, None)]
        while todo:
            number, unchanged, first = todo.pop()
            for holder, its_read in self._siblings.get(number, []):
                read = first or its_read
                if holder is None:
                    yield LaterUse("closure", read.position, name, read.within)
                elif holder not in seen:
                    seen.add(holder)
                    todo.append((holder, unchanged | 1 << holder, read))
                    for index, use in self._reads.get(holder, []):
                        if index in self.expression:
                            yield LaterUse("loop", use.position, name, use.within)
                        elif self._after[index] & unchanged == unchanged:
                            yield LaterUse("closure", read.position, name, read.within)

    @cached_property
    def dead(self) -> frozenset[str]:
        if self.module:
            return frozenset()
        names = self.graph.variables
        own = names[: len(self.graph.slots)]
        alive = {names[variable] for variable in self._reads}
        for name in {names[cell] for made in self.graph.made.values() for cell in made.cells}:
            if name not in alive and self.later_use(name) is not None:
                alive.add(name)
        return frozenset(own) - alive


def liveness(code: CodeType, lasti: int) -> Liveness:
    """Analyse what a function reads after the call at an offset, given as `frame.f_lasti`."""
    if not code.co_flags & CO_OPTIMIZED:
        return Liveness(None)
    return _analyse(code, lasti, module=False)


def module_liveness(code: CodeType, lasti: int) -> Liveness:
    """Analyse what a module's own code reads after a call in it.

    Functions defined in the module are not followed, because it is not known whether they are
    called, except for those in the call's own expression.
    """
    if code.co_flags & CO_OPTIMIZED:
        return Liveness(None)
    return _analyse(code, lasti, module=True)


def _analyse(code: CodeType, lasti: int, *, module: bool) -> Liveness:
    graph = Graph(code)
    call = graph.index_at(lasti)
    if call is None or graph.depths[call] < 0 or _sees_everything(graph):
        return Liveness(None)
    variables = _Variables(graph, "at once" if module else "none", graph.expression_of(call))
    return Liveness(_Analysis(variables, call, module, "its own"))


def _sees_everything(graph: Graph) -> bool:
    """Tell whether the code may read variables without naming them."""
    names = set(graph.code.co_names)
    if names.isdisjoint(_SEE_EVERYTHING | _SEE_FRAMES):
        return False
    # An attribute of that name is something else, but `sys._getframe` is one.
    loads = filter(None, map(graph.access, range(len(graph.steps))))
    used = {graph.variables[variable] for _, variable in loads}
    return bool(names & _SEE_FRAMES or used & _SEE_EVERYTHING)


def argument_loads(code: CodeType, lasti: int) -> tuple[Argument, ...]:
    """Say which variables the arguments of a call are, in the order of the call.

    Empty for a call with `*` or `**`, and for what is no call.
    """
    graph = Graph(code)
    call = graph.index_at(lasti)
    if call is None or graph.steps[call].name not in {"CALL", "CALL_KW"}:
        return ()
    keywords, end = graph.keywords_of(call)
    count = graph.steps[call].argument
    # The callable takes two places of the stack, one for `self` or nothing.
    first = graph.depth_after(call) + 1
    expression = graph.expression_of(call)
    branches = [at for at in expression[:-1] if graph.successors[at] != (at + 1,)]
    targets = {target for at in branches for target in graph.successors[at]}
    names = (None,) * (count - len(keywords)) + keywords
    arguments: list[Argument] = []
    for number in reversed(range(count)):
        start = end - 1
        plain = start in expression and graph.depths[start] == first + number
        plain = plain and end not in targets
        # Where a branch of the argument leads is not its start.
        while not plain and start in expression:
            if graph.depths[start] == first + number and start not in targets:
                break
            start -= 1
        arguments.append(_argument(graph, end - 1, names[number], plain=plain))
        end = start
    return tuple(reversed(arguments))


def _argument(graph: Graph, index: int, keyword: str | None, *, plain: bool) -> Argument:
    access = graph.access(index) if plain else None
    if access is None or access[0] != "load":
        return Argument(keyword, None, None, graph.position(index))
    variable = access[1]
    kind: Literal["local", "cell", "global"] = "cell"
    if variable >= len(graph.slots):
        kind = "global"
    elif graph.steps[index].name.startswith("LOAD_FAST"):
        kind = "local"
    return Argument(keyword, graph.variables[variable], kind, graph.position(index))
