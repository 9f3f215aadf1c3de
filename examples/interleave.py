"""Two threads run at the same time and their lines interleave, in an order that nobody promises.

This is the first program of the threads chapter of "The Rust Programming Language". The sleep
gives the other thread a turn; it does not decide who comes first.
"""

from pythread_rs import sleep, spawn


def count(who: str, last: int) -> None:
    for number in range(1, last + 1):
        # One write per line: print() would write the line end on its own, and the other thread's
        # line could come in between.
        print(f"hi number {number} from the {who} thread\n", end="")
        sleep(0.001)


def main() -> None:
    handle = spawn(count, "spawned", 5)
    count("main", 5)
    handle.join().unwrap()


if __name__ == "__main__":
    main()
