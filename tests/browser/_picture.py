"""The pixels of a PNG, without a library for pictures."""

from __future__ import annotations

import math
import struct
import zlib
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Colour = tuple[int, int, int]


# A part of a page: left, top, width and height, in pixels.
Box: TypeAlias = "Sequence[float]"


class Picture:
    """A picture in one PNG or several: 8 bits a channel, not interlaced, as browsers write it."""

    def __init__(self, *pngs: bytes) -> None:
        self.width, _, _, kind = header(pngs[0])
        self.step = {2: 3, 6: 4}[kind]
        self.rows = [row for png in pngs for row in rows(png, self.step)]

    def is_plain(self, box: Box) -> bool:
        """Tell whether a part has one colour only, or lies outside."""
        part = set(self._part(box))
        first = next(iter(part), b"")[: self.step]
        return all(row == first * (len(row) // self.step) for row in part)

    def colours(self, box: Box | None = None) -> Counter[Colour]:
        """Count the colours of a part, as red, green and blue."""
        counts: Counter[Colour] = Counter()
        # Many lines are equal: those between the lines of a text, for one.
        for row, times in Counter(self._part(box or (0, 0, self.width, len(self.rows)))).items():
            reds, greens, blues = (row[channel :: self.step] for channel in range(3))
            for colour, count in Counter(zip(reds, greens, blues, strict=True)).items():
                counts[colour] += count * times
        return counts

    def _part(self, box: Box) -> Iterator[bytes]:
        left, top, width, height = box
        first, last = max(0, math.floor(left)), min(self.width, math.ceil(left + width))
        for row in self.rows[max(0, math.floor(top)) : max(0, math.ceil(top + height))]:
            yield row[first * self.step : max(first, last) * self.step]


def header(png: bytes) -> tuple[int, int, int, int]:
    """Return width, height, bits and kind of a picture."""
    found: tuple[int, int, int, int] = struct.unpack(">IIBB", png[16:26])
    return found


def rows(png: bytes, step: int) -> Iterator[bytes]:
    """Unpack a picture."""
    width, height, depth, kind = header(png)
    assert (depth, {2: 3, 6: 4}[kind]) == (8, step)
    size = width * step
    raw = memoryview(zlib.decompress(b"".join(chunks(png))))
    above = bytes(size)
    for start in range(0, height * (size + 1), size + 1):
        line = bytes(raw[start + 1 : start + 1 + size])
        above = unfiltered(raw[start], line, above, step)
        yield above


def chunks(png: bytes) -> Iterator[bytes]:
    """Yield the parts of the packed pixels."""
    place = 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            yield png[place + 8 : place + 8 + length]
        place += length + 12


def unfiltered(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    """Undo the filter of a line."""
    if kind == 0:
        return line
    if kind == 2:  # what browsers take
        return added(line, above)
    found = bytearray(line)
    for i in range(len(found)):
        left = found[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        found[i] = (found[i] + predicted(kind, left, above[i], corner)) & 0xFF
    return bytes(found)


def added(line: bytes, above: bytes) -> bytes:
    """Add bytes to bytes, all at once: without the upper bits nothing is carried over."""
    size = len(line)
    one, other = int.from_bytes(line, "big"), int.from_bytes(above, "big")
    lower = int.from_bytes(b"\x7f" * size, "big")
    upper = int.from_bytes(b"\x80" * size, "big")
    return (((one & lower) + (other & lower)) ^ ((one ^ other) & upper)).to_bytes(size, "big")


def predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    distances = [abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)]
    return (left, up, corner)[distances.index(min(distances))]
