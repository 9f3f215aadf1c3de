"""A list made by the main thread is moved to a new thread, which captures it.

From then on the list belongs to that thread. Were `vector` read once more in `main`, `move` would
raise an error like rustc's, E0382, and without `move` it would be E0373: no thread would start.
"""

from pythread_rs import move, spawn


def main() -> None:
    vector = [1, 2, 3]

    @move
    def show() -> None:
        vector.append(4)
        print(f"here is a vector: {vector}")

    handle = spawn(show)
    handle.join().unwrap()


if __name__ == "__main__":
    main()
