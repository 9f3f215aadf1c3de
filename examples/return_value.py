"""What the thread returns comes out of `join()` as `Ok(value)`."""

from pythread_rs import Err, Ok, spawn


def total(numbers: list[int]) -> int:
    return sum(numbers)


def main() -> None:
    handle = spawn(total, [1, 2, 3, 4, 5])
    match handle.join():
        case Ok(value):
            print(f"sum calculated in the thread: {value}")
        case Err(error):
            print(f"the thread panicked: {error!r}")


if __name__ == "__main__":
    main()
