"""numpy arrays: one owner for the memory, however many arrays look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Ok, move, spawn
from pythread_rs.ownership import OwnershipError, explain, freeze, is_send, is_sync, take

if TYPE_CHECKING:
    np: Any = None
else:
    np = pytest.importorskip("numpy", reason="no numpy for this Python")


def size(value: Any) -> int:
    return len(value)


def refused(start: Callable[[], object]) -> OwnershipError:
    with pytest.raises(OwnershipError) as refusal:
        start()
    return refusal.value


def base() -> Any:
    return np.zeros(8)


ALONE: dict[str, Callable[[], Any]] = {
    "array": base,
    "integers": lambda: np.arange(8, dtype=np.int32),
    "booleans": lambda: np.zeros(8, dtype=bool),
    "text": lambda: np.array(["ab", "cd"]),
    "bytes": lambda: np.array([b"ab", b"cd"]),
    "dates": lambda: np.array(["2024-01-01"], dtype="datetime64[D]"),
    "complex": lambda: np.zeros(8, dtype=complex),
    "matrix of 2 dimensions": lambda: np.zeros((2, 4)),
    "view of a temporary": lambda: base()[2:],
    "view of a view": lambda: base()[2:][1:],
    "transposed": lambda: np.zeros((2, 4)).T,
    "reshaped": lambda: base().reshape(2, 4),
    "over a bytearray": lambda: np.frombuffer(bytearray(8), dtype=np.uint8),
    "over bytes": lambda: np.frombuffer(bytes(8), dtype=np.uint8),
    "over a memoryview": lambda: np.asarray(memoryview(bytearray(8))),
    "in a list": lambda: [base(), base()],
    "in a dict": lambda: {"a": base()},
    "two views": lambda: two_views(),
    "a view and its base": lambda: view_and_base(),
    "a memoryview of it": lambda: memoryview(base()),
    "large": lambda: np.zeros(10_000_000),
}


def two_views() -> list[Any]:
    whole = base()
    return [whole[:4], whole[4:]]


def view_and_base() -> list[Any]:
    whole = base()
    return [whole, whole[4:]]


@pytest.mark.parametrize("make", ALONE.values(), ids=ALONE)
def test_an_array_that_nobody_else_holds_goes(make: Callable[[], Any]) -> None:
    expected = len(make())
    handle = spawn(size, make())
    assert handle.join() == Ok(expected)
    data = make()
    handle = spawn(move(lambda: size(data)))
    assert handle.join() == Ok(expected)


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda array: array,
    "a view": lambda array: array[2:],
    "a view of a view": lambda array: array[2:][1:],
    "a memoryview": memoryview,
    "a reshaped one": lambda array: array.reshape(2, 4),
    "a flat iterator": lambda array: array.flat,
    "its base by a subclass": lambda array: array.view(np.recarray),
    "a bound method": lambda array: array.sum,
    "an array over it": lambda array: np.frombuffer(array),
    "its interface": lambda array: np.asarray(array),
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("part", [lambda array: array, lambda array: array[4:]])
def test_an_array_that_somebody_sees_stays(
    hold: Callable[[Any], Any], part: Callable[[Any], Any]
) -> None:
    def start() -> object:
        whole = base()
        holder = hold(whole)
        return spawn(size, [part(whole)]), holder

    assert refused(start).code == "E0505"


def test_memory_of_another_object_is_followed() -> None:
    memory = bytearray(8)

    def start() -> object:
        return spawn(size, np.frombuffer(memory, dtype=np.uint8))

    assert refused(start).code == "E0505"
    assert memory == bytearray(8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.array([[1], None], dtype=object),
        lambda: np.zeros(2, dtype=[("a", object), ("b", int)]),
        lambda: np.zeros(2, dtype=[("a", int), ("b", float)]),
        lambda: np.zeros(2, dtype=object)[1:],
        lambda: np.random.default_rng(1),
        lambda: np.nditer(np.zeros(2)),
        lambda: np.zeros(2).flat,
    ],
    ids=[
        "objects",
        "structure with objects",
        "structure",
        "view of objects",
        "rng",
        "nditer",
        "flat",
    ],
)
def test_what_may_hold_objects_is_refused(make: Callable[[], Any]) -> None:
    assert refused(lambda: spawn(size, [make()])).code == "E0277"
    assert not is_send([make()])
    assert not is_sync(make())


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.float64(1.5),
        lambda: np.int32(7),
        lambda: np.bool_(True),
        lambda: np.str_("text"),
        lambda: np.datetime64("2024-01-01"),
        lambda: np.dtype("f8"),
        lambda: np.dtype([("a", int)]),
        lambda: np.add,
        lambda: np.float64,
        lambda: np.sum,
        lambda: np,
    ],
)
def test_scalars_dtypes_and_functions_are_copy(make: Callable[[], Any]) -> None:
    kept = make()
    handle = spawn(size, [kept])
    assert handle.join() == Ok(1)
    assert kept is not None


def test_a_structured_scalar_is_a_window_into_its_array() -> None:
    records = np.zeros(2, dtype=[("a", int)])
    record = records[0]
    assert refused(lambda: spawn(size, [record])).code in {"E0277", "E0505"}
    record["a"] = 7
    assert records[0]["a"] == 7


def test_an_object_scalar_is_whatever_it_is() -> None:
    inner = [1]
    objects = np.array([inner, None], dtype=object)
    assert refused(lambda: spawn(size, [objects[0]])).code == "E0505"
    assert inner == [1]


def test_a_frozen_array_is_shared() -> None:
    array = np.arange(8)
    frozen = freeze(array)
    array[0] = 7
    assert frozen[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        frozen[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        frozen.flags.writeable = True
    handles = [spawn(size, frozen) for _ in range(2)]
    assert [handle.join() for handle in handles] == [Ok(8), Ok(8)]
    view = frozen[2:]
    handle = spawn(size, [view])
    assert handle.join() == Ok(1)
    assert len(view) == 6


@pytest.mark.parametrize("shape", [(0,), (2, 3), ()])
def test_freezing_keeps_shape_and_type(shape: tuple[int, ...]) -> None:
    array = np.ones(shape, dtype=np.float32)
    frozen = freeze(array)
    assert frozen.shape == shape
    assert frozen.dtype == array.dtype
    assert (frozen == array).all()


def test_read_only_is_not_frozen() -> None:
    """The flag can be set again, and a view of a writeable array changes with it."""
    array = np.zeros(8)
    array.flags.writeable = False
    assert refused(lambda: spawn(size, [array])).code == "E0505"
    whole = np.zeros(8)
    view = whole[2:]
    view.flags.writeable = False
    assert refused(lambda: spawn(size, [view])).code == "E0505"
    memory = bytearray(8)
    over = np.frombuffer(memory, dtype=np.uint8)
    over.flags.writeable = False
    assert refused(lambda: spawn(size, [over])).code == "E0505"
    assert len(memory) == 8


class Annotated(np.ndarray if not TYPE_CHECKING else Any):  # type: ignore[misc]
    """A subclass with attributes."""


def test_the_attributes_of_a_subclass_are_part_of_the_graph() -> None:
    held = [1]

    def make(attribute: Any) -> Any:
        array = np.zeros(8).view(Annotated)
        array.attribute = attribute
        return array

    handle = spawn(size, make([1]))
    assert handle.join() == Ok(8)
    assert refused(lambda: spawn(size, make(held))).code == "E0505"
    assert held == [1]


def test_the_report_names_the_holder() -> None:
    def start() -> object:
        whole = base()
        window = whole[2:]
        return spawn(size, whole), window

    text = str(refused(start))
    assert "E0505" in text
    assert "ndarray" in text
    assert "Send" in explain(base())


def test_take_and_move_give_an_array_away() -> None:
    data = base()
    handle = spawn(size, take(lambda: data))
    assert handle.join() == Ok(8)
    more = base()
    total = spawn(move(lambda: float(more.sum())))
    assert total.join() == Ok(0.0)
