"""A join right after the spawn makes the order certain: first the thread, then the main thread.

It also gives away the concurrency: compare `join_at_end.py`, where the same join comes last.
"""

from pythread_rs import spawn


def count(who: str, last: int) -> None:
    for number in range(1, last + 1):
        print(f"hi number {number} from the {who} thread")


def main() -> None:
    spawn(count, "spawned", 9).join().unwrap()
    count("main", 4)


if __name__ == "__main__":
    main()
