"""A sum in ten chunks: each thread gets its own slice and returns its part, main adds them up."""

from pythread_rs import drain, spawn

CHUNKS = 10


def main() -> None:
    numbers = list(range(1, 1001))
    size = len(numbers) // CHUNKS

    chunks = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    # The list lets go of each chunk that it hands out, so that the thread is the only owner.
    handles = [spawn(sum, chunk) for chunk in drain(chunks)]
    parts = [handle.join().unwrap() for handle in handles]

    for number, part in enumerate(parts):
        print(f"chunk {number}: {part}")
    print(f"total: {sum(parts)}")


if __name__ == "__main__":
    main()
