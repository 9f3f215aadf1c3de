"""Arguments and results: each type, in each place, up to the limits; and what is refused."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pythread_rs import Ok, native

_spec = importlib.util.spec_from_file_location("lib", Path(__file__).with_name("library.py"))
assert _spec is not None
assert _spec.loader is not None
library = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(library)


def function(text: str) -> native.Function:
    """Give some function, which is not called, a signature."""
    address = ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value
    return native.function(address, text)


def float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def values_of(types: tuple[str, ...]) -> Any:
    """Draw arguments, the least and the greatest among them."""
    one: dict[str, Any] = {name: st.integers(*limits) for name, limits in library.INTEGERS.items()}
    one |= {"double": st.floats(allow_nan=False), "float": st.floats(width=32, allow_nan=False)}
    return st.tuples(*(one[name] for name in types))


@given(data=st.data(), number=st.integers(0, len(library.SIGNATURES) - 1))
@settings(max_examples=400)
def test_every_argument_arrives(c: SimpleNamespace, data: Any, number: int) -> None:
    types = library.SIGNATURES[number]
    args = data.draw(values_of(types))
    function = getattr(c.lib, f"echo{number}")
    assert native.spawn(function, *args).join() == Ok(len(types))
    seen = [
        c.lib.float_seen(i) if name in library.FLOATS else c.lib.integer_seen(i)
        for i, name in enumerate(types)
    ]
    expected = [
        arg - 2**64 if name == "uint64_t" and arg >= 2**63 else arg
        for name, arg in zip(types, args, strict=True)
    ]
    assert seen == expected


@pytest.mark.parametrize("name", library.INTEGERS)
def test_every_integer_result(c: SimpleNamespace, name: str) -> None:
    function = getattr(c.lib, f"return_{name}")
    low, high = library.INTEGERS[name]
    for value in (low, low + 1, 0, 1, high - 1, high):
        wide = value % 2**64
        result = native.spawn(function, wide).join().unwrap()
        assert result == value
        assert type(result) is (bool if name == "_Bool" else int)


def test_a_narrow_result_has_nothing_of_the_rest_of_its_register(c: SimpleNamespace) -> None:
    """The function leaves 64 bits behind, of which its type names eight."""
    address = native.function(c.lib.narrow).address
    bits = 0xDEADBEEF_CAFEBAFF
    for text, expected in (
        ("int8_t", -1),
        ("uint8_t", 0xFF),
        ("int16_t", 0xBAFF - 2**16),
        ("uint16_t", 0xBAFF),
        ("int32_t", 0xCAFEBAFF - 2**32),
        ("uint32_t", 0xCAFEBAFF),
        ("bool", True),
    ):
        function = native.function(address, f"{text}(uint64_t)")
        assert native.spawn(function, bits).join() == Ok(expected)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, -1e300, math.inf])
def test_floating_results(c: SimpleNamespace, value: float) -> None:
    assert native.spawn(c.lib.return_double, value).join() == Ok(value)
    if abs(value) < 1e38 or math.isinf(value):
        assert native.spawn(c.lib.return_float, value).join() == Ok(float32(value))


def test_nan_void_and_pointers(c: SimpleNamespace) -> None:
    result: Any = native.spawn(c.lib.return_double, math.nan).join().unwrap()
    assert math.isnan(result)
    flag = c.ffi.new("int32_t *")
    assert native.spawn(c.lib.set_flag, flag).join() == Ok(None)
    assert flag[0] == 1
    address = int(c.ffi.cast("uintptr_t", flag))
    assert native.spawn(c.lib.same, flag).join() == Ok(address)
    assert native.spawn(c.lib.same, c.ffi.NULL).join() == Ok(0)


# -- Where functions come from. --------------------------------------------------------------------


def sources(c: SimpleNamespace) -> dict[str, Any]:
    loaded = ctypes.CDLL(str(c.file)).fail
    loaded.argtypes = [ctypes.c_int, ctypes.c_int]
    address = int(c.ffi.cast("uintptr_t", c.ffi.addressof(c.lib, "fail")))

    class LowLevelCallable(tuple[Any, ...]):  # as scipy's, which may not be there
        __slots__ = ()

    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    name = b"int (int, int)"
    capsule = make(address, name, None)
    return {
        "API mode": c.lib.fail,
        "API mode, addressof": c.ffi.addressof(c.lib, "fail"),
        "ABI mode": c.abi.fail,
        "cast": c.abi_ffi.cast("int(*)(int, int)", address),
        "ctypes": loaded,
        "ctypes, no argtypes": native.function(
            ctypes.CDLL(str(c.file)).fail, "int(int status, int error)"
        ),
        "address": native.function(address, "int(int, int)"),
        "numba": SimpleNamespace(address=address, ctypes=loaded, native_name="fail", keep=name),
        "capsule": capsule,
        "capsule, named here": native.function(capsule, "int32_t(int32_t, int)"),
        "scipy": LowLevelCallable((capsule, None, None)),
        "_keep": name,
    }


def test_functions_of_all_sources(c: SimpleNamespace) -> None:
    for where, function in sources(c).items():
        if where != "_keep":
            assert native.spawn(function, -3, 0).join() == Ok(-3), where


def test_a_cfunc_of_numba() -> None:
    numba = pytest.importorskip("numba", reason="numba has no wheel for this Python")
    cfunc = numba.cfunc("float64(float64, int64)")(lambda x, n: x * n)
    assert native.spawn(cfunc, 1.5, 4).join() == Ok(6.0)


def test_two_types_at_one_address(c: SimpleNamespace) -> None:
    """Equal pointers of cffi are not the same function."""
    address = native.function(c.lib.narrow).address
    for ctype, expected in (("int8_t(*)(uint64_t)", -1), ("uint8_t(*)(uint64_t)", 255)):
        assert native.spawn(c.ffi.cast(ctype, address), 255).join() == Ok(expected)


def test_argtypes_that_change(c: SimpleNamespace) -> None:
    function = ctypes.CDLL(str(c.file)).narrow
    function.argtypes, function.restype = [ctypes.c_uint64], ctypes.c_int8
    assert native.spawn(function, 255).join() == Ok(-1)
    function.restype = ctypes.c_uint8
    assert native.spawn(function, 255).join() == Ok(255)


def test_texts_of_types() -> None:
    def parameters(text: str) -> str:
        return function(f"void({text})").signature

    assert parameters("void") == parameters("") == "void()"
    assert parameters("unsigned long long int n, const double x[3], struct s *restrict p") == (
        "void(unsigned long long, const double *, struct s *)"
    )
    assert parameters("FILE *f, char **argv, double const *const p") == (
        "void(FILE *, char **, const double *)"
    )


# -- What is refused, before a thread starts. ------------------------------------------------------


def spawned() -> int:
    from pythread_rs import _ffi

    return _ffi.statistics()["spawned"]


def refusal(kind: type[BaseException], fn: Any, *args: Any, **options: Any) -> str:
    before = spawned()
    with pytest.raises(kind) as caught:
        native.spawn(fn, *args, **options)
    assert spawned() == before
    return str(caught.value)


@pytest.mark.parametrize("name", library.INTEGERS)
def test_integers_that_do_not_fit(c: SimpleNamespace, name: str) -> None:
    function = native.function(c.lib.fail, f"int({name.replace('_Bool', 'bool')}, int)")
    low, high = library.INTEGERS[name]
    for value in (low - 1, high + 1, 2**70, -(2**70)):
        assert "does not fit" in refusal(OverflowError, function, value, 0)


def test_wrong_arguments(c: SimpleNamespace) -> None:
    fail = c.lib.fail
    assert refusal(TypeError, fail, 1) == "the function takes 2 arguments, and 1 were given"
    assert refusal(TypeError, fail, 1.0, 2) == "argument 1: int takes an int, not float"
    assert refusal(TypeError, fail, "1", 2) == "argument 1: int takes an int, not str"
    assert refusal(TypeError, c.lib.return_double, "1") == (
        "argument 1: double takes a float, not str"
    )
    assert "does not fit float" in refusal(
        OverflowError, native.function(c.lib.narrow, "int(float)"), 1e300
    )
    assert "takes a buffer or a pointer, not list" in refusal(TypeError, c.lib.sum, [1.0], 1)
    assert "takes a buffer or a pointer, not an int" in refusal(TypeError, c.lib.sum, 4096, 1)
    assert "takes no None" in refusal(TypeError, c.lib.sum, None, 0)
    assert native.spawn(native.function(c.lib.same, "void *(void *_Nullable)"), None).join() == (
        Ok(0)
    )


def test_pointers_to_something_else(c: SimpleNamespace) -> None:
    assert "takes no <cdata" in refusal(TypeError, c.lib.sum, c.ffi.new("int32_t[4]"), 4)
    assert "takes no" in refusal(TypeError, c.lib.sum, (ctypes.c_float * 3)(), 3)
    released = c.ffi.from_buffer(bytearray(8))
    c.ffi.release(released)
    assert "was released" in refusal(ValueError, c.lib.sum_bytes, released, 8)


def test_functions_that_cannot_be_called(c: SimpleNamespace) -> None:
    assert "is no C function" in refusal(TypeError, len, [])
    assert "by value" in refusal(TypeError, c.lib.by_value, c.ffi.new("pair_t *")[0])
    assert "by value" in refusal(TypeError, c.abi.long_one, 1.0)
    assert "variable arguments" in refusal(TypeError, c.ffi.addressof(c.lib, "variable"), 1)
    assert "is NULL" in refusal(ValueError, c.ffi.cast("int(*)(void)", 0))
    assert "needs the GIL" in refusal(TypeError, ctypes.pythonapi.Py_IncRef, None)
    assert "set its argtypes" in refusal(TypeError, ctypes.CDLL(str(c.file)).fail, 1, 2)
    assert "is no function" in refusal(TypeError, c.ffi.new("int *"), 1)


@pytest.mark.parametrize(
    "text",
    [
        *("", "int", "int(", "int)(", "int(int", "int(int,)", "int(void, int)", "(int)"),
        *("int(*)(int)", "int(void (*)(int))", "int(...)", "int(char *, ...)", "int(foo)"),
        *("long double(int)", "int(long double)", "int(double _Complex)", "int(struct s)"),
        *("int(int a b)", "int(1)", "int(*p)", "int x(int)", "int(int &x)", "int(struct)"),
    ],
)
def test_texts_that_are_no_signature(text: str) -> None:
    with pytest.raises(TypeError):
        function(text)


def test_more_than_the_registers_hold() -> None:
    with pytest.raises(TypeError, match="at most 6 integers and pointers and 8 floating"):
        function(f"int({', '.join(['int'] * 7)})")
    with pytest.raises(TypeError, match="pass a pointer to a struct"):
        function(f"int({', '.join(['double'] * 9)})")
    function(f"int({', '.join(['int'] * 6 + ['double'] * 8)})")


def test_a_library_that_was_closed(c: SimpleNamespace, tmp_path: Path) -> None:
    copy = tmp_path / "closed.so"
    copy.write_bytes(c.file.read_bytes())
    closed = c.abi_ffi.dlopen(str(copy))
    pointer, named = closed.fail, native.function(closed.fail)
    assert native.spawn(named, 1, 0).join() == Ok(1)
    c.abi_ffi.dlclose(closed)
    assert "its library was closed" in refusal(ValueError, pointer, 1, 0)
    assert "its library was closed" in refusal(ValueError, named, 1, 0)


@pytest.mark.parametrize("address", [0, -1, 2**64])
def test_addresses_that_are_none(address: int) -> None:
    with pytest.raises(ValueError, match=r"NULL|no address"):
        native.function(address, "int(int)")
