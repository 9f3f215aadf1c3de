"""The public names: they exist, stand in one place, and are documented as CONTRIBUTING.md asks."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import pkgutil
import re
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, get_overloads

import pytest

import pythread_rs

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from types import ModuleType

pytestmark = pytest.mark.once

# What README.md and the issues promise by name. More is fine, less is not.
PROMISED = {
    "pythread_rs.thread": (
        "spawn Builder JoinHandle scope Scope ScopedJoinHandle Thread ThreadId current park "
        "park_timeout sleep sleep_until yield_now panicking available_parallelism thread_local "
        "LocalKey AccessError add_spawn_hook SpawnError"
    ),
    "pythread_rs.result": "Ok Err Result UnwrapError",
    "pythread_rs.panic": (
        "panic panic_any Panic catch_unwind resume_unwind set_hook take_hook update_hook "
        "PanicHookInfo Location"
    ),
    "pythread_rs.ownership": (
        "move take drain Own shared freeze assume_send impl_send impl_sync impl_copy not_send "
        "is_send is_sync explain OwnershipError CaptureError UseAfterMoveError BorrowError "
        "NotSendError MutableBorrowError StaticError"
    ),
    "pythread_rs.process": "exit",
    "pythread_rs": "Arc Barrier Condvar Mutex RwLock StopToken channel sync_channel sync",
    "pythread_rs.sync": (
        "Arc Weak Mutex MutexGuard RwLock Condvar Barrier Once OnceLock LazyLock ReentrantLock "
        "WaitGroup Parker StopToken PoisonError TryLockError DeadlockError "
        "mpsc mpmc oneshot atomic select after tick never"
    ),
    "pythread_rs.sync.mpsc": (
        "channel sync_channel Sender SyncSender Receiver SendError TrySendError RecvError "
        "TryRecvError RecvTimeoutError"
    ),
    "pythread_rs.sync.mpmc": (
        "channel sync_channel Sender Receiver SendError TrySendError SendTimeoutError RecvError "
        "TryRecvError RecvTimeoutError"
    ),
    "pythread_rs.sync.oneshot": (
        "channel Sender Receiver SendError RecvError TryRecvError RecvTimeoutError"
    ),
    "pythread_rs.pool": (
        "ThreadPool TaskHandle join scope spawn install broadcast current_thread_index global_pool "
        "par_map par_for_each par_filter par_reduce par_sort par_chunks register_joblib "
        "spawn_on RemoteTraceback"
    ),
    "pythread_rs.sync.atomic": (
        "AtomicBool AtomicI64 AtomicU64 AtomicIsize AtomicUsize AtomicRef Ordering fence "
        "compiler_fence spin_loop"
    ),
}

# What Rust does not have, so its docstring names nothing of Rust's.
NOT_IN_RUST = {
    "forward_to_threading": "Rust has no second place where failing threads are reported",
    "DeadlockError": "Rust leaves a thread that joins itself to the platform",
    "register_joblib": "joblib is Python's",
    "explain": "rustc has been asked already when a program of Rust runs",
    "RemoteTraceback": "Rust's panics do not come from other processes",
    "JoinError": "Rust has no threads that an exit or a fork takes away from a joiner",
}

# What a second module holds as well, and the module that is its home.
SECOND_HOMES = {
    # As in Rust, whose mpmc has the errors of mpsc.
    ("pythread_rs.sync.mpmc", "RecvError"): "pythread_rs.sync.mpsc",
    ("pythread_rs.sync.mpmc", "RecvTimeoutError"): "pythread_rs.sync.mpsc",
    ("pythread_rs.sync.mpmc", "SendError"): "pythread_rs.sync.mpsc",
    ("pythread_rs.sync.mpmc", "SendTimeoutError"): "pythread_rs.sync.mpsc",
    ("pythread_rs.sync.mpmc", "TryRecvError"): "pythread_rs.sync.mpsc",
    ("pythread_rs.sync.mpmc", "TrySendError"): "pythread_rs.sync.mpsc",
    # Whoever uses a oneshot alone need not import mpsc for what its `Err` holds.
    ("pythread_rs.sync.oneshot", "RecvError"): "pythread_rs.sync.mpsc",
    ("pythread_rs.sync.oneshot", "SendError"): "pythread_rs.sync.mpsc",
    # Joins and locks raise it.
    ("pythread_rs.sync", "DeadlockError"): "pythread_rs.thread",
}

# A summary that begins so says what comes back.
ANSWERS = ("Count ", "Give ", "Make ", "Open ", "Return ", "Take ", "Tell ")


class Documented(NamedTuple):
    """A public class, function, method or property, and where it stands."""

    module: str
    name: str
    value: Any
    owner: type | None

    @property
    def label(self) -> str:
        """Its name, with the module, as mpsc, mpmc and oneshot have a Sender each."""
        return f"{self.module.removeprefix('pythread_rs.')}.{self.name}"

    @property
    def is_attribute(self) -> bool:
        return isinstance(self.value, property) or inspect.isgetsetdescriptor(self.value)

    @property
    def text(self) -> str:
        return inspect.getdoc(self.value) or ""

    @property
    def text_with_owner(self) -> str:
        return self.text + "\n" + (inspect.getdoc(self.owner) or "" if self.owner else "")

    @property
    def code(self) -> Any:
        """The function to look at, for properties and static methods too."""
        if isinstance(self.value, property):
            return self.value.fget
        return inspect.unwrap(getattr(self.value, "__func__", self.value))


def public_modules() -> list[ModuleType]:
    names = [module.name for module in pkgutil.walk_packages(pythread_rs.__path__, "pythread_rs.")]
    public = [name for name in names if not any(p.startswith("_") for p in name.split("."))]
    assert len(public) >= 5
    return [pythread_rs, *map(importlib.import_module, public)]


def members(module: str, cls: type) -> Iterator[Documented]:
    seen: set[str] = set()
    for base in cls.__mro__:
        if not base.__module__.startswith("pythread_rs"):
            continue
        for name, value in vars(base).items():
            if name in seen or name.startswith("_"):
                continue
            seen.add(name)
            if callable(value) or is_accessor(value):
                yield Documented(module, f"{cls.__name__}.{name}", value, cls)


def is_accessor(value: object) -> bool:
    if isinstance(value, property | classmethod | staticmethod):
        return True
    return inspect.isgetsetdescriptor(value)  # an attribute in C


def documented() -> list[Documented]:
    """List what is exported, each once, with the public members of classes."""
    found: dict[tuple[int, type | None], Documented] = {}
    for module in public_modules()[1:]:
        for name in exported(module):
            value = getattr(module, name)
            items = [Documented(module.__name__, name, value, None)]
            if inspect.isclass(value):
                items += members(module.__name__, value)
            elif not inspect.isroutine(value):
                continue
            for item in items:
                found.setdefault((id(item.value), item.owner), item)
    return list(found.values())


def exported(module: ModuleType) -> list[str]:
    return list(getattr(module, "__all__", []))


MODULES = public_modules()
ITEMS = documented()
FUNCTIONS = [d for d in ITEMS if not inspect.isclass(d.value) and not d.is_attribute]

every_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
every_item = pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.label)
every_function = pytest.mark.parametrize("item", FUNCTIONS, ids=lambda item: item.label)


# -- Names. ----------------------------------------------------------------------------------------


@every_module
def test_all_names_exist_and_stand_there_once(module: ModuleType) -> None:
    names = exported(module)
    assert names, "a public module says in __all__ what it holds"
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(module, name)] == []


@every_module
def test_all_leaves_nothing_out(module: ModuleType) -> None:
    own = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    assert own <= set(exported(module))


@pytest.mark.parametrize("name", PROMISED)
def test_promised_names_are_there(name: str) -> None:
    assert set(PROMISED[name].split()) <= set(exported(importlib.import_module(name)))


def test_a_name_of_a_submodule_is_the_submodule() -> None:
    submodules = {module.name for module in pkgutil.iter_modules(pythread_rs.__path__)}
    for name in submodules & set(exported(pythread_rs)):
        assert inspect.ismodule(getattr(pythread_rs, name)), name


def test_the_top_level_invents_nothing() -> None:
    below = {
        (name, id(getattr(module, name))) for module in MODULES[1:] for name in exported(module)
    }
    for name in exported(pythread_rs):
        value = getattr(pythread_rs, name)
        if not inspect.ismodule(value) and name != "__version__":
            assert (name, id(value)) in below


def test_each_thing_has_one_home() -> None:
    homes: dict[int, list[str]] = {}
    for module in MODULES[1:]:
        for name in exported(module):
            home = SECOND_HOMES.get((module.__name__, name))
            if home is None:
                homes.setdefault(id(getattr(module, name)), []).append(f"{module.__name__}.{name}")
            else:
                assert getattr(module, name) is getattr(importlib.import_module(home), name)
    assert [home for home in homes.values() if len(home) > 1] == []


def test_the_list_of_second_homes_is_up_to_date() -> None:
    for (module, name), home in SECOND_HOMES.items():
        assert name in exported(importlib.import_module(module))
        assert name in exported(importlib.import_module(home))


def test_a_star_import_hides_no_builtin() -> None:
    assert set(exported(pythread_rs)) & set(dir(builtins)) == set()


def test_an_import_is_light_and_starts_nothing(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run_child(
        """
        import sys, threading
        import pythread_rs
        heavy = {"asyncio", "concurrent.futures", "http", "inspect", "logging", "socket",
                 "signal", "subprocess", "tempfile", "typing_extensions",
                 "pythread_rs._runtime._deadlock"}
        print(sorted(heavy & set(sys.modules)), threading.active_count())
        from pythread_rs import _ffi
        print(_ffi.statistics()["os_threads_created"])
        """
    )
    assert (child.stdout, child.stderr) == ("[] 1\n0\n", "")


# -- Documentation. --------------------------------------------------------------------------------


@every_module
def test_a_module_begins_with_one_sentence(module: ModuleType) -> None:
    first = (module.__doc__ or "").split("\n\n")[0].strip()
    assert first.endswith((".", ":"))


@every_module
def test_what_has_no_docstring_stands_in_that_of_the_module(module: ModuleType) -> None:
    """A type alias such as `Result` cannot carry one."""
    for name in exported(module):
        value = getattr(module, name)
        if not (inspect.isclass(value) or inspect.isroutine(value) or name.startswith("__")):
            assert name in (module.__doc__ or ""), name


@every_item
def test_a_summary_of_one_line(item: Documented) -> None:
    summary, *rest = item.text.splitlines()
    assert summary.endswith((".", ".)", "`.")), summary
    assert not rest or not rest[0], "a blank line follows the summary"


@every_item
def test_it_names_what_it_mirrors(item: Documented) -> None:
    outermost = item.name.partition(".")[0]
    if outermost not in NOT_IN_RUST:
        assert re.search(r"\bMirrors\b|\bRust\b|\brustc\b", item.text_with_owner)


def test_the_list_of_what_rust_has_not_is_up_to_date() -> None:
    assert set(NOT_IN_RUST) <= {item.name for item in ITEMS}


@every_item
def test_it_has_an_example(item: Documented) -> None:
    assert ">>> " in item.text_with_owner


@every_function
@pytest.mark.parametrize("section", ["Blocks", "Thread safety"])
def test_it_says_whether_it_blocks_and_who_may_call_it(item: Documented, section: str) -> None:
    assert re.search(rf"\b{section}\b.*:", item.text_with_owner)


@every_function
def test_every_argument_is_explained(item: Documented) -> None:
    if re.search(r"^Args\b.*: as `", item.text, re.MULTILINE):
        return
    names = set(inspect.signature(item.code).parameters)
    if not is_in_c(item):
        # What a method ignores, as `Err.map` does with its function, needs no words.
        names &= {node.id for node in ast.walk(parsed(item)) if isinstance(node, ast.Name)}
    for name in names - {"self", "cls"}:
        assert re.search(rf"(`|\*| ){name}\b(:|`|\(|,)", item.text_with_owner), name


@every_function
def test_it_says_what_it_returns(item: Documented) -> None:
    if declared_result(item) in {None, NoReturn, "None", "NoReturn"}:
        return
    assert item.text.startswith(ANSWERS) or re.search(r"\b([Rr]eturns?|Returns)\b", item.text)


@every_function
def test_every_exception_that_it_raises_itself_is_named(item: Documented) -> None:
    for node in ast.walk(parsed(item)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func)
            if name[0].isupper():
                assert name in item.text_with_owner


def is_in_c(item: Documented) -> bool:
    return not hasattr(item.code, "__code__")


@cache
def stub() -> dict[str, ast.AST]:
    """Read the types of what is C: it has no annotations of its own."""
    file = Path(pythread_rs.__file__).with_name("_objects.pyi")
    tree = ast.parse(file.read_text("utf-8"))
    named = (ast.ClassDef, ast.FunctionDef)
    return {node.name: node for node in tree.body if isinstance(node, named)}


def in_stub(cls: str, method: str) -> ast.FunctionDef:
    """Find a method in the stub of a class, or of one that the stub says it is made of."""
    node = stub()[cls]
    assert isinstance(node, ast.ClassDef)
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == method:
            return part
    bases = [getattr(base, "value", base) for base in node.bases]  # without type arguments
    names = [base.id for base in bases if isinstance(base, ast.Name) and base.id in stub()]
    assert len(names) == 1, f"_objects.pyi does not know {cls}.{method}"
    return in_stub(names[0], method)


def declared_result(item: Documented) -> object:
    if not is_in_c(item):
        return inspect.signature(item.code).return_annotation
    owner = getattr(item.value, "__objclass__", None) or getattr(item.value, "__self__", None)
    name = item.value.__name__
    declared = in_stub(owner.__name__, name) if inspect.isclass(owner) else stub()[name]
    assert isinstance(declared, ast.FunctionDef)
    return ast.unparse(declared.returns) if declared.returns else inspect.Signature.empty


def test_the_results_of_what_is_c_are_those_of_the_stub() -> None:
    results = {item.label: declared_result(item) for item in FUNCTIONS if is_in_c(item)}
    assert results["sync.mpsc.Sender.drop"] == results["sync.MutexGuard.drop"] == "None"
    assert results["sync.mpsc.Receiver.try_recv"] == "Result[_T, TryRecvError]"
    assert results["sync.atomic.fence"] == "None"
    assert results["sync.Mutex.is_poisoned"] == "bool"


def parsed(item: Documented) -> ast.Module:
    if is_in_c(item):
        return ast.Module([], [])
    return ast.parse(textwrap.dedent(inspect.getsource(item.code)))


# -- Types. ----------------------------------------------------------------------------------------


@every_function
def test_no_argument_and_no_result_is_plainly_any(item: Documented) -> None:
    """`Any` belongs to `_ffi`; inside a `Callable[..]` it may say "never called"."""
    if is_in_c(item):  # its types stand in `_objects.pyi`
        return
    for declared in get_overloads(item.code) or [item.code]:
        for name, annotation in inspect.get_annotations(declared).items():
            assert annotation is not Any, name
            assert annotation != "Any", name
