"""What a debug build runs: all references are counted before and after some thousand threads."""

from __future__ import annotations

LEAK_CHECK = """
import gc, sys
from pythread_rs import Own, OwnershipError, drain, freeze, move, panic, scope, spawn, take

def fail():
    raise ValueError("on purpose")

def threads(count):
    for number in range(count):
        spawn([int, fail][number % 2]).join()

def moved(count):
    for number in range(count):
        data, names = [number, [number]], {"a": number}
        spawn(move(lambda: (data, names))).join()
        words = [str(number)]
        spawn(len, words).join()
        spawn(len, Own([number])).join()
        rows = [[1], [2]]
        for row in drain(rows):
            take(lambda: row)
        freeze({"a": [number]})

def refused(count):
    for number in range(count):
        inner = [number]
        data = [inner]
        for attempt in (lambda: data, fail, number):
            try:
                spawn(attempt, data)
            except (OwnershipError, TypeError) as error:
                str(error)
        inner.append(0)  # read later: it is no dead variable

def borrowed(count):
    for number in range(count):
        data = [number]
        with scope() as s:
            s.spawn(lambda: sum(data))
            s.spawn(lambda: len(data))

panic.set_hook(lambda info: None)
leaks = 0
for work, count in ((threads, 1000), (moved, 200), (refused, 20), (borrowed, 100)):
    totals = []
    # What a leak loses it loses in every round; a path that is taken for the first time, once.
    while len(totals) < 7 or (abs(totals[-1] - totals[-4]) > 60 and len(totals) < 30):
        work(count)
        gc.collect()
        totals.append(sys.gettotalrefcount())
    print("total references after each round of", work.__name__, *totals)
    leaks += abs(totals[-1] - totals[-4]) > 60
sys.exit(leaks)
"""
