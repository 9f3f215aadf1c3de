"""An exception ends its own thread only: `join()` returns it as `Err`, and the program goes on.

The exception is matched by its type. `panic_any` ends a thread with any object as the payload.
Each panic is also reported on stderr, by the panic hook.
"""

from pythread_rs import Err, Ok, spawn
from pythread_rs.panic import Panic, panic_any


def share_of_100(text: str) -> int:
    people = int(text)
    if people < 0:
        panic_any(people)
    return 100 // people


def main() -> None:
    for text in ("5", "five", "0", "-3", "4"):
        match spawn(share_of_100, text).join():
            case Ok(share):
                print(f"{text}: each gets {share}")
            case Err(ValueError() as error):
                print(f"{text}: not a number ({error})")
            case Err(ZeroDivisionError()):
                print(f"{text}: nobody is there")
            case Err(Panic(payload=int() as people)):
                print(f"{text}: the payload is {people}")
            case Err(error):
                print(f"{text}: unexpected {error!r}")
    print("the main thread goes on")


if __name__ == "__main__":
    main()
