"""Child of the exit storm: leave the interpreter while threads do all sorts of things.

usage: exit_mix.py KIND SEED WAY

KIND names what the threads do, WAY how the process ends. Everything that is left to chance, such
as how many threads there are and when the end comes, follows from SEED.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import logging
import os
import queue
import random
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, NoReturn

KIND, SEED, WAY = sys.argv[1], int(sys.argv[2]), sys.argv[3]

futures: list[Future[None]] = []


def tell_of_lost_futures() -> None:
    """Say what was accepted and has no outcome; runs when the futures were waited for."""
    lost = sum(not future.done() for future in list(futures))
    if lost:
        print(f"{lost} futures of {len(futures)} are lost", file=sys.stderr)


atexit.register(tell_of_lost_futures)

if WAY == "slow":
    atexit.register(time.sleep, 0.002)  # before the import: runs when the gate has closed

from pythread_rs import (  # noqa: E402  # the order of imports is what is tested
    Builder,
    JoinHandle,
    SpawnError,
    _ffi,
    current,
    panic,
    park,
    park_timeout,
    process,
    scope,
    sleep,
    thread_local,
)
from pythread_rs.pool import ThreadPool  # noqa: E402
from pythread_rs.sync import mpmc  # noqa: E402

if WAY == "slow":
    atexit.register(time.sleep, 0.002)  # after it: runs while threads may still start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

# What a spawn or a join may say to a destructor that runs while the interpreter goes away:
# modules and their globals may be gone by then.
TOO_LATE = (RuntimeError, TimeoutError, TypeError, AttributeError, ImportError, NameError)
MARK = "~" * 50  # the storm takes these out of what the child printed

rng = random.Random(SEED)
never = threading.Event()
lock = threading.Lock()
mailbox: queue.Queue[int] = queue.Queue(3)
starts: list[int] = []
silent_tx, silent_rx = mpmc.channel()
full_tx, full_rx = mpmc.sync_channel(0)
busy_tx, busy_rx = mpmc.sync_channel(3)
_descriptor, _path = tempfile.mkstemp()
os.unlink(_path)
# Not closed by Python: an unclosed file is a ResourceWarning under -X dev.
shared = open(_descriptor, "wb", closefd=False)


# -- What the threads do. --------------------------------------------------------------------------


def compute() -> NoReturn:
    n = 1
    while True:
        n = n * 31 % 1000003


def allocate() -> NoReturn:
    while True:
        [[i] for i in range(100)]


def collect() -> NoReturn:
    while True:
        cycle: list[object] = []
        cycle.append(cycle)
        gc.collect(0)


def raise_and_catch() -> NoReturn:
    while True:
        with contextlib.suppress(ValueError):
            raise ValueError("in a loop")


def print_out() -> NoReturn:
    while True:
        print(MARK, flush=True)  # each one a write without the GIL, under the stream's lock


def print_without_flush() -> NoReturn:
    while True:
        print(MARK)


def print_err() -> NoReturn:
    while True:
        print(MARK, file=sys.stdout if SEED % 2 else sys.stderr)


def log() -> NoReturn:
    while True:
        logging.getLogger().warning(MARK)


def write() -> NoReturn:
    while True:
        shared.write(b"~" * 300)
        shared.flush()


def nap() -> NoReturn:
    while True:
        sleep(rng.random() * 0.003)


def park_for_ever() -> NoReturn:
    while True:
        park()


def park_a_while() -> NoReturn:
    while True:
        park_timeout(rng.random() * 0.003)


def wait_for_event() -> None:
    never.wait()


def send_mail() -> NoReturn:
    while True:
        mailbox.put(1)


def read_mail() -> NoReturn:
    while True:
        mailbox.get()


def join_for_ever() -> None:
    spawn(park_for_ever).join()


def join_a_while() -> NoReturn:
    handle = spawn(park_for_ever)
    while True:
        with contextlib.suppress(TimeoutError):
            handle.join(rng.random() * 0.003)


def churn() -> NoReturn:
    while True:
        try:
            spawn(int).join()
        except SpawnError:
            sleep(0.001)


def spawn_and_forget() -> NoReturn:
    while True:
        try:
            spawn(int)
        except SpawnError:
            sleep(0.001)
        if _ffi.statistics()["live"] > 50:  # or thousands would pile up behind the GIL
            sleep(0.001)


def keep_starting() -> NoReturn:
    """Start threads that stay, so that some are always on their way in."""
    while len(starts) < 100:
        starts.append(1)
        with contextlib.suppress(SpawnError):
            spawn(nap)
        sleep(0.001)
    park_for_ever()


def begin() -> None:
    """Be a thread that comes late: it must not touch an interpreter that is gone."""
    spawn(nap)
    nap()


def hold_lock() -> NoReturn:
    with lock:
        nap()


def want_lock() -> NoReturn:
    with lock:
        nap()


def live_in_scope() -> None:
    with scope() as s:
        s.spawn(park_for_ever)
        s.spawn(nap)


class SpawnsInDel:
    """A thread-local whose destructor spawns and joins."""

    def __del__(self) -> None:
        with contextlib.suppress(*TOO_LATE):
            spawn(int).join(1)


key = thread_local(SpawnsInDel)
standard_local = threading.local()


def use_thread_locals() -> None:
    key.get()
    standard_local.value = SpawnsInDel()


def churn_thread_locals() -> NoReturn:
    use_thread_locals()
    while True:
        try:
            spawn(use_thread_locals).join()
        except SpawnError:
            sleep(0.001)


def churn_panics() -> NoReturn:
    while True:
        try:
            spawn(divmod, 1, 0).join()
        except SpawnError:
            sleep(0.001)


def start_daemon() -> NoReturn:
    """Have a daemon thread of `threading` beside, made by a thread of ours."""
    threading.Thread(target=compute, daemon=True).start()
    park_for_ever()


def receive() -> NoReturn:
    """Wait for what never comes, or not for long, or for what somebody sends now and then."""
    waits: list[Callable[[], object]] = [
        silent_rx.recv,
        busy_rx.recv,
        lambda: silent_rx.recv_timeout(0.001),
    ]
    wait = rng.choice(waits)
    while True:
        wait()


def send() -> NoReturn:
    """Wait for a receiver that is none, or not for long, or for one that comes now and then."""
    waits: list[Callable[[], object]] = [
        lambda: full_tx.send(1),
        lambda: busy_tx.send(1),
        lambda: full_tx.send_timeout(1, 0.001),
    ]
    wait = rng.choice(waits)
    while True:
        wait()


def receive_all() -> None:
    for _ in busy_rx.clone():
        nap_once()


# -- A pool: what was submitted is finished, and the rest is cut off. ----------------------------

POOL_KINDS = ("pool", "mix")
pool = ThreadPool(3) if KIND in POOL_KINDS else None


def pool_submit() -> None:
    while pool is not None and len(futures) < 2000:
        futures.append(pool.submit(nap_once))
        sleep(0.0001)


def pool_spawn() -> NoReturn:
    while True:
        assert pool is not None
        handles = [pool.spawn(int) for _ in range(10)]
        for handle in handles[::2]:
            handle.join()


def pool_run() -> NoReturn:
    """Borrow, from outside and from inside."""
    assert pool is not None
    here = pool
    calls: list[Callable[[], object]] = [
        lambda: here.join(nap_once, nap_once),
        lambda: here.par_map(abs, range(1000)),
        lambda: here.par_map(abs, iter(range(100))),
        lambda: here.install(lambda: here.join(int, nap_once)),
        lambda: here.broadcast(str),
    ]
    while True:
        rng.choice(calls)()


def pool_compute() -> NoReturn:
    """Have a task that never ends."""
    assert pool is not None
    pool.spawn(compute)
    park_for_ever()


def nap_once() -> None:
    sleep(rng.random() * 0.001)


KINDS: dict[str, list[Callable[[], None]]] = {
    "compute": [compute],
    "allocate": [allocate],
    "collect": [collect],
    "raise": [raise_and_catch],
    "print": [print_out, print_out, print_without_flush],
    "print_err": [print_err],
    "log": [log],
    "write": [write],
    "sleep": [nap],
    "park": [park_for_ever, park_a_while, wait_for_event],
    "queue": [send_mail, read_mail],
    "join": [join_for_ever, join_a_while],
    "start": [keep_starting],
    "starved": [begin],
    "churn": [churn],
    "spawn": [spawn_and_forget],
    "lock": [hold_lock, want_lock],
    "scope": [live_in_scope],
    "locals": [churn_thread_locals],
    "panic": [churn_panics],
    "report": [churn_panics],
    "daemon": [start_daemon],
    "channel_recv": [receive, receive_all],
    "channel_send": [send],
    "channel": [receive, receive_all, send],
    "pool": [pool_submit, pool_spawn, pool_run, pool_run, pool_compute],
}
KINDS["mix"] = [f for fs in KINDS.values() for f in fs if f not in (print_err, log)]


# -- The end. --------------------------------------------------------------------------------------


class SlowToGo:
    """A global whose destructor gives the threads time while the interpreter is taken down."""

    def __del__(self) -> None:
        with contextlib.suppress(*TOO_LATE):
            for _ in range(20):
                time.sleep(0.0001)
            spawn(int).join(1)


leftover = SlowToGo()


def leave_slowly() -> None:
    """Sleep in C when the interpreter is gone, so that a thread may come after its end.

    `on_exit` calls its function with the exit status: these are microseconds then, but the kernel
    takes some fifty for each.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):
        for _ in range(rng.randint(10, 60)):
            libc.on_exit(libc.usleep, None)


@contextlib.contextmanager
def starting_late() -> Iterator[None]:
    """Start threads that run only while this one, on the same CPU, does not."""
    if not hasattr(os, "SCHED_IDLE"):
        yield
        return
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    yield
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def leave() -> None:
    if WAY == "exit7":
        sys.exit(7)
    if WAY == "exception":
        raise RuntimeError("bye")
    if WAY == "process":
        process.exit(7)
    if WAY == "process_thread":
        start(Builder(), process.exit, 7).join()


def start(builder: Builder, f: Callable[..., None], *args: int) -> JoinHandle[None]:
    """Start a thread, also on a machine that is out of threads for a moment."""
    while True:
        try:
            return builder.spawn_unchecked(f, *args)
        except SpawnError:
            time.sleep(0.01)


def main() -> None:
    if KIND != "report":
        panic.set_hook(lambda info: None)
    if SEED % 3 == 0:
        current()
    if rng.random() < 0.5:
        leave_slowly()
    builder = Builder(dedicated=rng.random() < 0.3)
    with starting_late() if KIND == "starved" else contextlib.nullcontext():
        handles = [start(builder, rng.choice(KINDS[KIND])) for _ in range(rng.randint(1, 20))]
    if rng.random() < 0.5:
        del handles[::2]  # these threads are detached
    if KIND != "starved":
        time.sleep(rng.random() * 0.01)
    globals()["kept"] = handles  # the others have a handle to the very end
    leave()


main()
