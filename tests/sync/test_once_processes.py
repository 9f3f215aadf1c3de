"""Once and OnceLock in a child of fork, and under Ctrl-C."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FORKED = """
    import os, warnings
    warnings.simplefilter("ignore")
    from pythread_rs import spawn
    from pythread_rs.ownership import assume_send
    from pythread_rs.sync import Once, OnceLock, OncePoisonedError, Parker
    from pythread_rs.thread import DeadlockError

    once, cell = Once(), OnceLock()
    inside, go_on = Parker(), Parker()
    to_inside, to_go_on = inside.unparker(), go_on.unparker()

    def stay():
        to_inside.unpark()
        go_on.park()
        return 1

    runner = spawn(assume_send(lambda: once.call_once(lambda: cell.get_or_init(stay))))
    inside.park()
    pid = os.fork()
    if pid == 0:
        # The thread that ran both is not here.
        try:
            once.call_once(list)
        except OncePoisonedError:
            assert cell.get_or_init(lambda: 2) == 2
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    to_go_on.unpark()
    runner.join().unwrap()
    assert cell.get() == 1

    def fork():
        pid = os.fork()
        if pid == 0:
            # Who forked is the one who runs it, here too.
            try:
                cell.get_or_init(int)
            except DeadlockError:
                return 3
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        return 4

    cell = OnceLock()
    value = cell.get_or_init(fork)
    assert value == cell.get()
    if value == 3:
        os._exit(7)
    print(cell)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork(run_child: Callable[..., Any]) -> None:
    done = run_child(FORKED)
    assert (done.stdout, done.stderr) == ("OnceLock(4)\n", "")


INTERRUPTED = """
    import os, signal, threading
    from pythread_rs import spawn
    from pythread_rs.ownership import assume_send
    from pythread_rs.sync import OnceLock, Parker

    cell = OnceLock()
    inside, go_on, seen = Parker(), Parker(), threading.Event()
    to_inside, to_go_on = inside.unparker(), go_on.unparker()

    def make():
        to_inside.unpark()
        go_on.park()
        return 5

    def interrupt():
        while not seen.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            seen.wait(0.2)

    maker = spawn(assume_send(lambda: cell.get_or_init(make)))
    inside.park()
    interrupter = threading.Thread(target=interrupt)
    try:
        interrupter.start()
        cell.get_or_init(int)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        seen.set()
    interrupter.join()
    to_go_on.unpark()
    print(maker.join(), cell)
"""


def test_ctrl_c(run_child: Callable[..., Any]) -> None:
    done = run_child(INTERRUPTED)
    assert (done.stdout, done.stderr) == ("Ok(5) OnceLock(5)\n", "")
