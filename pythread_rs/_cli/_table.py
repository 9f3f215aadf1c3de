"""Plain text tables, durations and the sentence that says which of two times is shorter."""

from __future__ import annotations

from collections.abc import Sequence

# Times closer than this are called equal. No evidence behind the number: runs of the demo on a
# quiet machine differ by about as much.
EQUAL_WITHIN = 0.05


def render(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align the columns: the first to the left, the others, which hold figures, to the right."""
    lines = [headers, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it, with four digits.

    >>> duration(2.0314), duration(0.0123), duration(0.0000555)
    ('2.031 s', '12.30 ms', '55.50 us')
    """
    if seconds >= 1:
        value, unit = seconds, "s"
    elif seconds >= 1e-3:
        value, unit = seconds * 1e3, "ms"
    else:
        value, unit = seconds * 1e6, "us"
    decimals = max(0, 4 - len(str(int(value))))
    return f"{value:.{decimals}f} {unit}"


def count(number: int, noun: str) -> str:
    """Write a number of things.

    >>> count(1, "file"), count(2, "file")
    ('1 file', '2 files')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verdict(ours: float, theirs: float) -> str:
    """Compare the time of pythread_rs with that of threading, in words.

    >>> verdict(1.01, 1.0)
    'pythread_rs and threading take the same time (ratio 1.01).'
    >>> verdict(1.5, 1.0)
    'threading is faster: pythread_rs takes 1.50 times as long.'
    >>> verdict(0.25, 1.0)
    'pythread_rs is faster: it takes 0.25 of the time of threading.'
    """
    ratio = ours / theirs
    if abs(ratio - 1) <= EQUAL_WITHIN:
        return f"pythread_rs and threading take the same time (ratio {ratio:.2f})."
    if ratio > 1:
        return f"threading is faster: pythread_rs takes {ratio:.2f} times as long."
    return f"pythread_rs is faster: it takes {ratio:.2f} of the time of threading."
