"""A sum in ten chunks: each thread gets its own slice and returns its part, main adds them up."""

from pythread_rs import spawn

CHUNKS = 10


def part_of_sum(numbers: list[int]) -> int:
    return sum(numbers)


def main() -> None:
    numbers = list(range(1, 1001))
    size = len(numbers) // CHUNKS

    # A slice is a new list, so no thread shares its chunk with anybody.
    handles = [
        spawn(part_of_sum, numbers[start : start + size]) for start in range(0, len(numbers), size)
    ]
    parts = [handle.join().unwrap() for handle in handles]

    for number, part in enumerate(parts):
        print(f"chunk {number}: {part}")
    print(f"total: {sum(parts)}")


if __name__ == "__main__":
    main()
