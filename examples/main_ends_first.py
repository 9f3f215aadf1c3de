"""When the main thread ends, the process ends: a thread that still runs is stopped where it is.

Not even its `finally` block runs. Whoever needs the work done joins the thread: `join_at_end.py`.
"""

from pythread_rs import Thread, current, park, sleep, spawn


def work_for_an_hour(starter: Thread) -> None:
    try:
        print("spawned thread: this takes an hour")
        starter.unpark()
        sleep(3600)
        print("spawned thread: done (never printed)")
    finally:
        print("spawned thread: cleaned up (never printed)")


def main() -> None:
    spawn(work_for_an_hour, current())
    # The spawned thread unparks this one once it has begun.
    park()
    print("main thread: I am done, and so is the process")


if __name__ == "__main__":
    main()
