"""What the thread returns comes out of `join()` as `Ok(value)`."""

from pythread_rs import Err, Ok, move, spawn


def main() -> None:
    numbers = [1, 2, 3, 4, 5]
    handle = spawn(move(lambda: sum(numbers)))
    match handle.join():
        case Ok(value):
            print(f"sum calculated in the thread: {value}")
        case Err(error):
            print(f"the thread panicked: {error!r}")


if __name__ == "__main__":
    main()
