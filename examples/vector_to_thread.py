"""A list made by the main thread is handed to a new thread, as an argument of `spawn`.

From then on the list belongs to that thread: the main thread does not touch it again.
"""

from pythread_rs import spawn


def show(vector: list[int]) -> None:
    vector.append(4)
    print(f"here is a vector: {vector}")


def main() -> None:
    vector = [1, 2, 3]
    handle = spawn(show, vector)
    handle.join().unwrap()


if __name__ == "__main__":
    main()
