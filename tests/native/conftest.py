"""The C library, compiled once for all the tests of native threads."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent


def load(name: str, file: Path) -> Any:
    specification = importlib.util.spec_from_file_location(name, file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def build(folder: Path) -> Path:
    """Compile the library as a module of cffi; its functions are exported, too."""
    import cffi

    declarations, source = load("native_library", HERE / "library.py").declarations_and_source()
    ffi = cffi.FFI()
    ffi.cdef(declarations)
    ffi.set_source("echoes", source, extra_compile_args=["-O1"], libraries=[])
    return Path(ffi.compile(str(folder)))


@pytest.fixture(scope="session")
def library_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.platform == "win32":
        pytest.skip("the library of the tests is written for POSIX")
    folder = tmp_path_factory.mktemp("echoes")
    try:
        return build(folder)
    except Exception as error:  # setuptools and compilers have many
        pytest.skip(f"no C compiler: {error!r:.200}")


@pytest.fixture(scope="session")
def c(library_file: Path) -> SimpleNamespace:
    """Give `lib` and `ffi` of API mode, `abi` and `abi_ffi` of ABI mode, and the file."""
    import cffi

    module = load("echoes", library_file)
    abi_ffi = cffi.FFI()
    abi_ffi.cdef(load("native_library", HERE / "library.py").declarations_and_source()[0])
    return SimpleNamespace(
        lib=module.lib,
        ffi=module.ffi,
        abi=abi_ffi.dlopen(str(library_file)),
        abi_ffi=abi_ffi,
        file=library_file,
    )


@pytest.fixture
def output_of(run_child: Callable[..., Any], library_file: Path) -> Callable[..., str]:
    """Run a program that finds the library as `lib` and `ffi`; give what it printed."""

    def run(program: str, *arguments: str) -> str:
        head = f"import sys\nsys.path.insert(0, {str(library_file.parent)!r})\n"

        outcome = run_child(
            head + "from echoes import ffi, lib\n" + textwrap.dedent(program), *arguments
        )
        assert (outcome.returncode, outcome.stderr) == (0, "")
        return str(outcome.stdout)

    return run
