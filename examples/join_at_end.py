"""A join at the end of main waits for the spawned thread, so all of its lines are printed.

The main thread is done after four lines. Without the join the process would end there.
"""

from pythread_rs import sleep, spawn


def count(who: str, last: int) -> None:
    for number in range(1, last + 1):
        # One write per line, so that the two threads' lines stay whole.
        print(f"hi number {number} from the {who} thread\n", end="")
        sleep(0.001)


def main() -> None:
    handle = spawn(count, "spawned", 9)
    count("main", 4)
    handle.join().unwrap()
    print("the spawned thread has ended")


if __name__ == "__main__":
    main()
