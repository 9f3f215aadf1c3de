"""Closures on a local Dask cluster of two processes; prints what came back, as JSON.

The workers import this file as their main module, so it imports nothing at its top.
"""


def main() -> None:  # noqa: C901, PLR0915  # one cluster for all, as it takes long to start
    import asyncio
    import json
    import os
    import sys
    import tempfile
    import time
    from importlib import import_module
    from pathlib import Path
    from typing import Any

    from pythread_rs import Err, JoinError, SpawnError, UseAfterMoveError, move
    from pythread_rs.pool import RemoteTraceback, spawn_on

    said: dict[str, object] = {}
    distributed: Any = import_module("distributed")
    import_module("dask").config.set({"distributed.scheduler.allowed-failures": 0})
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        host="127.0.0.1",
        silence_logs=60,
    )
    with cluster, distributed.Client(cluster) as client, tempfile.TemporaryDirectory() as folder:

        def hide() -> bool:
            import sys

            was_there = sys.modules.get("pythread_rs") is not None
            sys.modules["pythread_rs"] = None  # type: ignore[assignment]  # an import of it fails
            return was_there

        said["workers"] = len(set(client.run(os.getpid).values()) - {os.getpid()})
        said["package on a worker"] = any(client.run(hide).values())
        executor = client.get_executor()

        def moved() -> object:
            data = [1, 2, 3]
            return spawn_on(executor, move(lambda: sum(data))).join(30).unwrap()

        said["moved"] = moved()

        class Trouble(Exception):
            def __init__(self, one: int, two: int) -> None:
                super().__init__(f"{one} and {two}")
                self.two = two

            def __reduce__(self) -> tuple[Any, ...]:
                return type(self), (1, self.two)

        def fail() -> None:
            raise Trouble(1, 2)

        match spawn_on(executor, fail).join(30):
            case Err(Trouble() as trouble):
                cause = trouble.__cause__
                said["panic"] = [str(trouble), trouble.two]
                said["traceback"] = isinstance(cause, RemoteTraceback) and "in fail" in str(cause)
            case other:
                said["panic"] = repr(other)

        handle = spawn_on(executor, time.sleep, 0.3)
        try:
            handle.join(0.01)
        except TimeoutError:
            said["timeout"] = handle.is_finished()
        said["after the timeout"] = repr(handle.join(30))
        try:
            handle.join()
        except UseAfterMoveError:
            said["twice"] = "refused"

        def draw() -> bytes:
            import os

            return os.urandom(8)

        handles = [spawn_on(executor, draw) for _ in range(3)]
        said["runs"] = len({handle.join(30).unwrap() for handle in handles})

        async def awaits() -> list[int]:
            handles = [spawn_on(executor, pow, 2, n) for n in range(4)]
            return [result.unwrap() for result in await asyncio.gather(*handles)]

        said["awaited"] = asyncio.run(awaits())

        def leave_mark(path: str) -> None:
            import pathlib

            pathlib.Path(path).touch()

        marks = [Path(folder) / name for name in ("detached", "dropped")]
        spawn_on(executor, leave_mark, str(marks[0])).detach()
        spawn_on(executor, leave_mark, str(marks[1]))
        deadline = time.monotonic() + 20
        while not all(mark.exists() for mark in marks) and time.monotonic() < deadline:
            time.sleep(0.01)
        said["marks"] = [mark.exists() for mark in marks]

        def die() -> None:
            import os

            os._exit(1)

        lost = spawn_on(executor, die).join(30).err()
        said["lost"] = isinstance(lost, JoinError) and type(lost.__cause__).__name__
        never = spawn_on(executor, time.sleep, 60)
        executor.shutdown(wait=False)
        try:
            spawn_on(executor, int)
        except SpawnError:
            said["shut down"] = "refused"
        said["cancelled"] = type(never.join(30).err()).__name__
    print(json.dumps(said), flush=True)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
