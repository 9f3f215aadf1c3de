"""A handle that is dropped detaches its thread, and an endless thread does not delay the exit."""

from itertools import count

from pythread_rs import Thread, current, park, sleep, spawn


def beat_for_ever(starter: Thread) -> None:
    for beat in count(1):
        if beat <= 3:
            print(f"heartbeat {beat}")
        if beat == 3:
            starter.unpark()
        sleep(0.01)


def main() -> None:
    handle = spawn(beat_for_ever, current())
    # Nobody can join the thread after this, and it runs on.
    del handle
    park()
    print("main ends, with the heartbeat still running")


if __name__ == "__main__":
    main()
