"""Child of the memory test: start many threads, and fail if anything has grown.

usage: flat_memory.py KIND COUNT
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import threading
import time
from typing import TYPE_CHECKING

from pythread_rs import Builder, Err, Ok, _ffi, panic, park_timeout, scope, thread_local

if TYPE_CHECKING:
    from collections.abc import Callable

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

KIND, COUNT = sys.argv[1], int(sys.argv[2])
WARM_UP = 2000  # spawns before the first look: caches, free lists, arenas, workers
# Growth that is still called flat. A leak of one small object per spawn is far above each.
BLOCKS_MOST = 300
KIB_MOST = 1024
MAPS_MOST = 60

key = thread_local(list)
standard_local = threading.local()


def use_locals() -> None:
    key.get().append(1)
    standard_local.value = [1]


def join() -> int:
    assert spawn(int).join() == Ok(0)
    return 1


def detach() -> int:
    spawn(int).detach()
    return 1


def drop() -> int:
    spawn(int)
    return 1


def panics() -> int:
    assert isinstance(spawn(divmod, 1, 0).join(), Err)
    return 1


def scoped() -> int:
    with scope() as s:
        s.spawn(int)
        s.spawn(int)
    return 2


def use_thread_locals() -> int:
    spawn(use_locals).join().unwrap()
    return 1


def dedicated() -> int:
    Builder(name="dedicated", dedicated=True).spawn(int).join().unwrap()
    return 1


def timeout() -> int:
    handle = spawn(park_timeout, 0.0001)
    try:
        handle.join(0)
    except TimeoutError:
        handle.join().unwrap()
    return 1


def nested() -> int:
    spawn(lambda: spawn(lambda: spawn(int).join()).join()).join().unwrap()
    return 3


def burst() -> int:
    for handle in [spawn(int) for _ in range(50)]:
        handle.join().unwrap()
    return 50


KINDS: dict[str, Callable[[], int]] = {
    "join": join,
    "detach": detach,
    "drop": drop,
    "panic": panics,
    "scope": scoped,
    "locals": use_thread_locals,
    "dedicated": dedicated,
    "timeout": timeout,
    "nested": nested,
    "burst": burst,
}


def run(count: int) -> None:
    act, done = KINDS[KIND], 0
    while done < count:
        done += act()
        if done % 512 == 0 and KIND in ("detach", "drop"):
            settle()  # or the spawner is ever farther ahead of its threads


def settle() -> None:
    """Wait until all threads have ended and let go of what they shared with their handles.

    And of their stacks: on a busy machine hundreds of workers that are too many for the idle list
    are on their way out, and each stack is a mapping.
    """
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        statistics = _ffi.statistics()
        leaving = len(os.listdir("/proc/self/task")) - 1 - statistics["idle"]
        if not (statistics["live"] or statistics["packets"]) and leaving <= 0:
            return
        time.sleep(0.0005)


def fill_the_idle_list() -> None:
    """Have as many idle workers as there can ever be, so that their number cannot grow."""
    barrier = threading.Barrier(41)
    handles = [spawn(barrier.wait, 30) for _ in range(40)]
    barrier.wait(30)
    for handle in handles:
        handle.join().unwrap()


def look() -> dict[str, int]:
    fill_the_idle_list()
    settle()
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    with open("/proc/self/maps", encoding="ascii") as file:
        maps = len(file.readlines())
    statistics = _ffi.statistics()
    return {
        "blocks": sys.getallocatedblocks(),
        "KiB": pages * resource.getpagesize() // 1024,
        "maps": maps,
        "packets": statistics["packets"],
        "parkers": statistics["parkers"],
        "threads known": threading.active_count(),
    }


def main() -> None:
    panic.set_hook(lambda info: None)
    most = {"blocks": BLOCKS_MOST, "KiB": KIB_MOST, "maps": MAPS_MOST}
    run(WARM_UP)
    look()
    before = look()
    run(COUNT)
    after = look()
    print(f"{KIND}, {COUNT} spawns: {before} -> {after}")
    for name, value in after.items():
        growth = value - before[name]
        assert growth <= most.get(name, 0), f"{name} grew by {growth} in {COUNT} spawns"


main()
