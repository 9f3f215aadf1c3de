"""A bounded channel holds a quick producer back: it is never far ahead of its slow consumer."""

from pythread_rs import move, sleep, spawn
from pythread_rs.sync.mpmc import sync_channel

LINES = 40
BOUND = 4


def main() -> None:
    tx, rx = sync_channel(BOUND)

    def produce() -> int:
        most = 0
        for number in range(LINES):
            tx.send(f"line {number}").unwrap()  # waits while there are BOUND already
            most = max(most, tx.len())
        return most

    producer = spawn(move(produce))
    consumed = 0
    for line in rx:
        consumed += 1
        sleep(0.001)
        if consumed % 10 == 0:
            print(f"consumed {line}")
    print(f"{consumed} lines, and never more than {producer.join().unwrap()} of them in between")


if __name__ == "__main__":
    main()
