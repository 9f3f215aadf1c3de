"""Build script of `pythread_rs._native`: the contract header is the cdef, word for word."""

import os
import sys
import sysconfig
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent if "__file__" in globals() else Path("csrc").resolve()
ROOT = HERE.parent

CORE = [
    "fork.c",
    "gate.c",
    "kernel.c",
    "layer.c",
    "line.c",
    "lock.c",
    "native.c",
    "packet.c",
    "parker.c",
    "patience.c",
    "shares.c",
    "worker.c",
]
OS_FILES = ["call.c", "parallelism.c", "thread.c"]


def wait_file() -> str:
    """Choose how threads wait: futex on Linux, the portable way elsewhere or when asked."""
    if sys.platform == "win32":
        return "wait.c"
    wanted = os.environ.get("PYTHREAD_RS_WAIT", "futex" if sys.platform == "linux" else "condvar")
    return {"futex": "wait.c", "condvar": "wait_condvar.c"}[wanted]


def sources() -> list[str]:
    """List the C files, relative to the project, as setuptools wants them."""
    platform = "win" if sys.platform == "win32" else "unix"
    files = [f"csrc/core/{name}" for name in CORE]
    files += [f"csrc/{platform}/{name}" for name in [*OS_FILES, wait_file()]]
    return [*files, "csrc/python/entry.c"]


def object_sources() -> list[str]:
    """List the C files of `_objects`: its types, and the blocking objects below them."""
    found = [*(HERE / "core" / "sync").glob("*.c"), *(HERE / "python").rglob("*.c")]
    return sorted(str(path.relative_to(ROOT)) for path in found if path.name != "entry.c")


def sync_macros() -> list[tuple[str, str]]:
    """Say whether the GIL protects them."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    return [] if free_threaded else [("PRS_UNDER_GIL", "1")]


def headers() -> list[str]:
    """List what both modules are built again for when it changes."""
    return sorted(str(path.relative_to(ROOT)) for path in HERE.rglob("*.h"))


def compile_flags() -> list[str]:
    """Return the flags of both extension modules; warnings are errors only when asked for."""
    if sys.platform == "win32":
        return ["/std:c11", "/experimental:c11atomics", "/W4"]
    # pthread_exit unwinds through these frames when CPython ends a thread.
    flags = ["-std=c11", "-fexceptions", "-fvisibility=hidden", "-D_DEFAULT_SOURCE"]
    if os.environ.get("PYTHREAD_RS_WERROR") == "1":
        flags += ["-Wall", "-Wextra", "-Werror"]
    return flags + sanitizer_flags()


def sanitizer_flags() -> list[str]:
    """Return the flags for PYTHREAD_RS_SANITIZE=thread, address or undefined."""
    wanted = os.environ.get("PYTHREAD_RS_SANITIZE", "")
    if not wanted:
        return []
    flags = [f"-fsanitize={wanted}", "-fno-omit-frame-pointer", "-g"]
    if wanted == "address":
        # Unwinding by pthread_exit, with which CPython ends threads, leaves the marks of the
        # frames that it skips: the next frames there would be reported. The heap is watched.
        flags.append("--param=asan-stack=0")
    return flags


def link_flags() -> list[str]:
    """Return the linker flags of both extension modules."""
    if sys.platform == "win32":
        return ["synchronization.lib"]
    return ["-pthread", *(f for f in sanitizer_flags() if f.startswith("-fsanitize"))]


ffi = FFI()
ffi.cdef((HERE / "prs_api.h").read_text(encoding="utf-8"))
ffi.set_source(
    "pythread_rs._native",
    '#include "csrc/core/prs_core.h"',
    sources=sources(),
    depends=headers(),
    include_dirs=["."],
    extra_compile_args=compile_flags(),
    extra_link_args=link_flags(),
    py_limited_api=False,
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
