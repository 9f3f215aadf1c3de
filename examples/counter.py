"""Ten threads add one to a counter, each through its own handle: the Rust book's `Arc<Mutex>`."""

from pythread_rs import Arc, Mutex, spawn


def add_one(counter: Arc[Mutex[int]]) -> None:
    with counter as number:
        number.value += 1


def main() -> None:
    counter = Arc(Mutex(0))
    handles = [spawn(add_one, counter.clone()) for _ in range(10)]
    for handle in handles:
        handle.join().unwrap()
    with counter as number:
        print(f"Result: {number.value}")


if __name__ == "__main__":
    main()
