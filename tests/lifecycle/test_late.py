"""Too late: spawn, join and wait while the interpreter goes away give an answer, not a hang."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# A spawn that says what it met. The modules' globals may be gone in a destructor.
SAY = """
    import atexit, errno, os, threading, time, weakref
    def say(*words, write=os.write):
        write(1, (" ".join(map(str, words)) + "\\n").encode())
    def try_to_spawn():
        try:
            say(spawn(sum, [1, 2]).join())
        except SpawnError as error:
            say(type(error).__name__, errno.errorcode[error.errno], error)
"""
IMPORT = """
    from pythread_rs import (
        Builder, JoinHandle, Ok, Scope, SpawnError, current, park, park_timeout, process, scope,
        sleep, spawn, thread_local,
    )
"""
REFUSED = "SpawnError ESHUTDOWN [Errno 108] failed to spawn thread: the interpreter is exiting\n"


def test_callbacks_after_the_import_may_spawn(output_of: Callable[..., str]) -> None:
    assert output_of(f"{SAY}{IMPORT}    atexit.register(try_to_spawn)\n") == "Ok(3)\n"


def test_callbacks_before_the_import_get_an_error(output_of: Callable[..., str]) -> None:
    """Callbacks run last in, first out: these run when nothing starts any more."""
    assert output_of(f"{SAY}    atexit.register(try_to_spawn){IMPORT}") == REFUSED


@pytest.mark.parametrize("how", ["dedicated", "scope", "daemon", "finalize"])
def test_every_way_to_spawn_is_refused(how: str, output_of: Callable[..., str]) -> None:
    ways = {
        "dedicated": "Builder(dedicated=True).spawn(int)",
        "scope": "open_scope()",
        "daemon": "spawn_in_thread()",
        "finalize": "spawn(int)",
    }
    said = output_of(f"""{SAY}
    def open_scope():
        with scope() as s:
            s.spawn(int)
    def spawn_in_thread():
        errors = []
        def work():
            try:
                spawn(int)
            except SpawnError as error:
                errors.append(error)
        thread = threading.Thread(target=work)
        try:
            thread.start()
        except RuntimeError:  # from 3.12 on `threading` does not start any either
            return work() or throw(errors[0])
        thread.join()
        raise errors[0]
    def throw(error):
        raise error
    def late():
        try:
            {ways[how]}
        except SpawnError as error:
            say(type(error).__name__, errno.errorcode[error.errno], error)
    atexit.register(late)
    {IMPORT}
    spawn(park)
        """)
    assert said == REFUSED


def test_join_and_waits_work_after_the_gate(output_of: Callable[..., str]) -> None:
    """The interpreter is whole while `atexit` callbacks run: threads inside go on."""
    said = output_of(f"""{SAY}
    go = threading.Event()
    def late():
        go.set()
        say(working.join(10))
        try:
            parked.join(0.01)
        except TimeoutError:
            say("still running")
        parked.thread.unpark()
        say(parked.join(10))
        park_timeout(0.01)
        sleep(0.01)
        say("end")
    atexit.register(late)
    {IMPORT}
    working = spawn(go.wait, 10)
    parked = spawn(park)
        """)
    assert said.splitlines() == ["Ok(True)", "still running", "Ok(None)", "end"]


LATE = f"""{SAY}{IMPORT}
    class Late:
        def __init__(self):
            self.parked = spawn(park)
            self.waiting = spawn(threading.Event().wait)
            self.done = spawn(int)
            while not self.done.is_finished():
                sleep(0.001)
        def __del__(self, say=say, errno=errno.errorcode):
            for handle in (self.parked, self.waiting, self.done):
                say(handle.is_finished(), repr(handle).split(", ")[2], handle.join())
            try:
                spawn(int)
            except SpawnError as error:
                say(errno[error.errno])
            park_timeout(0.001)
            sleep(0.001)
            say("end")
"""


def test_a_destructor_at_finalization_gets_an_answer(output_of: Callable[..., str]) -> None:
    """No thread of ours will ever run again, so nobody may wait for one."""
    said = output_of(f"{LATE}    late = Late()\n")
    cut_off = "Err(JoinError('the thread was cut off: the interpreter is exiting'))"
    assert said.splitlines() == [
        f"True finished {cut_off}",
        f"True finished {cut_off}",
        "True finished Ok(0)",
        "ESHUTDOWN",
        "end",
    ]


def test_the_very_last_destructors_do_not_hang(output_of: Callable[..., str]) -> None:
    """What `sys` holds goes when all modules have been emptied, this package's too."""
    said = output_of(f"{LATE}    import sys; sys.late = Late()\n")
    assert said.startswith("True finished Err(JoinError(")


def test_a_scope_at_finalization_does_not_hang(output_of: Callable[..., str]) -> None:
    said = output_of(f"""{SAY}{IMPORT}
    class Late:
        def __init__(self, s):
            self.scope = s
        def __del__(self, say=say):
            self.scope.__exit__(None, None, None)
            say("left")
    s = scope()
    s.__enter__()
    handle = s.spawn(park)
    late = Late(s)
        """)
    assert said == "left\n"


def test_a_panic_after_the_gate_is_not_reported(output_of: Callable[..., str]) -> None:
    said = output_of(f"""{SAY}
    go = threading.Event()
    def late():
        go.set()
        say(handle.join(10))
    atexit.register(late)
    {IMPORT}
    def work():
        go.wait(10)
        raise ValueError("late")
    handle = spawn(work)
        """)
    assert said == "Err(ValueError('late'))\n"
