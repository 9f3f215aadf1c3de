"""greenlet and gevent: a thread of ours is an OS thread, whatever was patched and when.

Programs run as children, for nobody can take gevent's patches back.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    RunChild = Callable[..., subprocess.CompletedProcess[str]]

SECONDS = 30.0  # gevent takes its time to start

needs_greenlet = pytest.mark.skipif(
    importlib.util.find_spec("greenlet") is None, reason="greenlet is not installed"
)
needs_gevent = pytest.mark.skipif(
    importlib.util.find_spec("gevent") is None, reason="gevent is not installed"
)

IMPORTS = {
    "patched before": "from gevent import monkey; monkey.patch_all(); import pythread_rs",
    "patched after": "import pythread_rs; from gevent import monkey; monkey.patch_all()",
    "not patched": "import gevent, pythread_rs",
}


@pytest.fixture(params=IMPORTS)
def imports(request: pytest.FixtureRequest) -> str:
    # gevent and its dependencies may warn about a Python that is newer than they are.
    return f"import warnings; warnings.resetwarnings()\n{IMPORTS[request.param]}\n"


# -- gevent. ---------------------------------------------------------------------------------------

LIFE = """
import threading, time
import gevent
from pythread_rs import Builder, current, panic, park, scope, sleep, thread_local

spawn = Builder().spawn_unchecked  # gevent's patches replace globals of modules
main = threading.main_thread()
key = thread_local(lambda: 0)

def name():
    return threading.current_thread().name

def change():
    key.set(key.get() + 1)
    return key.get()

def fail():
    raise LookupError("on purpose")

panic.set_hook(lambda info: None)
handle = spawn(name)
assert handle.join().unwrap() == f"pythread_rs-{handle.thread.id.number}"
assert [spawn(change).join().unwrap() for _ in range(3)] == [1, 1, 1]
assert isinstance(spawn(fail).join().unwrap_err(), LookupError)
assert spawn(time.sleep, 0.001).join().unwrap() is None
assert spawn(sleep, 0.001).join().unwrap() is None

# The hub of the main thread turns while a thread of ours runs.
waiting = spawn(park)
turns = gevent.spawn(lambda: [gevent.sleep(0) for _ in range(5)])
turns.join()
waiting.thread.unpark()
waiting.join().unwrap()

# Greenlets inside of our threads, twice on the same worker, and threads from greenlets.
def greenlets():
    some = [gevent.spawn(lambda n: n * n, n) for n in range(4)]
    gevent.joinall(some)
    return [one.value for one in some]

for _ in range(2):
    assert spawn(greenlets).join().unwrap() == [0, 1, 4, 9]
some = [gevent.spawn(lambda: spawn(pow, 2, 5).join().unwrap()) for _ in range(4)]
gevent.joinall(some)
assert [one.value for one in some] == [32] * 4
assert gevent.get_hub().threadpool.apply(lambda: spawn(pow, 2, 6).join().unwrap()) == 64

with scope() as s:
    scoped = s.spawn(name)
assert scoped.join().is_ok()
seen = []
thread = threading.Thread(target=lambda: seen.append(spawn(pow, 2, 7).join().unwrap()))
thread.start()
thread.join()
assert seen == [128]
assert threading.main_thread() is main
assert threading.enumerate() == [main], threading.enumerate()
print("done")
"""


@needs_gevent
@pytest.mark.timeout(SECONDS + 10)
def test_threads_live_as_they_do_without_gevent(imports: str, run_child: RunChild) -> None:
    done = run_child(imports + LIFE, timeout=SECONDS)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


EXIT = """
import threading
from pythread_rs import sleep, spawn

class Late:
    def __del__(self, sleep=sleep, print=print):
        sleep(0.001)
        print("slept while the interpreter finalizes", flush=True)

late = Late()
running = [spawn(sleep, 1000) for _ in range(3)]
"""


@needs_gevent
@pytest.mark.timeout(SECONDS + 10)
def test_the_process_ends(imports: str, run_child: RunChild) -> None:
    """gevent shows other idents in `threading`, by which the main thread must not be known."""
    done = run_child(imports + EXIT, timeout=SECONDS)
    expected = "slept while the interpreter finalizes\n"
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)


INTERRUPT = """
from pythread_rs import sleep, spawn

handle = spawn(sleep, 1000)
try:
    print("ready", flush=True)
    handle.join()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@needs_gevent
@pytest.mark.timeout(SECONDS + 10)
def test_ctrl_c_interrupts_a_join(imports: str, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", imports + INTERRUPT],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    with child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "ready\n"
            interrupt_until_it_ends(child)
            assert child.stdout.read() == "interrupted\n"
        finally:
            child.kill()


def interrupt_until_it_ends(child: subprocess.Popen[str]) -> None:
    """Or the wait would be endless if one of them was swallowed."""
    deadline = time.monotonic() + SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        os.kill(child.pid, signal.SIGINT)
        try:
            child.wait(0.2)
        except subprocess.TimeoutExpired:
            continue


# -- greenlet alone. -------------------------------------------------------------------------------

SWITCHES = """
from greenlet import getcurrent, greenlet
from pythread_rs import Builder, current

spawn = Builder().spawn_unchecked  # greenlet's types are unknown to the check

def switches():
    me, seen = current(), []
    main = getcurrent()

    def inner(value):
        while value < 5:
            seen.append(current() is me)
            value = main.switch(value + 1)
        return "end"

    one, value = greenlet(inner), 0
    while value != "end":
        value = one.switch(value)
    return seen

for _ in range(3):
    assert spawn(switches).join().unwrap() == [True] * 5

def leaves_one_unfinished():
    main = getcurrent()
    one = greenlet(lambda: main.switch(1))
    one.switch()
    return one.dead

def starts_anew():
    return getcurrent().parent is None and not getcurrent().dead

for _ in range(3):
    assert spawn(leaves_one_unfinished).join().unwrap() is False
    assert spawn(starts_anew).join().unwrap()

def panics_in_one():
    greenlet(lambda: 1 // 0).switch()

from pythread_rs import panic
panic.set_hook(lambda info: None)
assert isinstance(spawn(panics_in_one).join().unwrap_err(), ZeroDivisionError)
print("done")
"""


@needs_greenlet
def test_greenlets_switch_inside_of_a_thread(run_child: RunChild) -> None:
    program = "import warnings; warnings.resetwarnings()\n" + SWITCHES
    done = run_child(program, timeout=SECONDS)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
