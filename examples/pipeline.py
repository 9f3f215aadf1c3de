"""A pipeline: each stage receives from one channel and sends into the next."""

from pythread_rs import move, spawn
from pythread_rs.sync.mpsc import channel

TEXT = """
the hen that lays the egg
the egg that makes the hen
"""


def main() -> None:
    lines_tx, lines_rx = channel()
    words_tx, words_rx = channel()

    def split() -> None:
        for line in lines_rx:
            for word in line.split():
                words_tx.send(word).unwrap()

    def count() -> dict[str, int]:
        counts: dict[str, int] = {}
        for word in words_rx:
            counts[word] = counts.get(word, 0) + 1
        return counts

    splitting = spawn(move(split))
    counting = spawn(move(count))
    for line in TEXT.splitlines():
        lines_tx.send(line).unwrap()
    del lines_tx  # the last sender goes: the stages end one after the other
    splitting.join().unwrap()
    for word, times in sorted(counting.join().unwrap().items()):
        print(f"{word}: {times}")


if __name__ == "__main__":
    main()
