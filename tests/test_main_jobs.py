"""The jobs of `python -m pythread_rs demo`, piece by piece: scan, division, comparison, text."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import zlib
from pathlib import Path

import pytest

from pythread_rs import Err, Ok, Result
from pythread_rs._cli import CommandError, _kitchen, _latency, _tree
from pythread_rs._cli._hashing import FileResult, find_differences, hash_file, measure_hashing
from pythread_rs._cli._kitchen import dish_body, download, open_kitchen
from pythread_rs._cli._progress import Progress
from pythread_rs._cli._rivals import Run
from pythread_rs._cli._section import Figure, Section
from pythread_rs._cli._table import duration, render, verdict
from pythread_rs._cli._tree import FileEntry, divide, scan

MIB = 1 << 20
SILENT = Progress(None)


def entry(path: Path) -> FileEntry:
    status = path.stat()
    return FileEntry(str(path), status.st_size, status.st_mtime_ns)


# --- the scan


def test_scan_finds_regular_files_only_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2").write_text("two")
    (tmp_path / "a").write_text("one")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "loop").symlink_to(tmp_path)
    tree = scan(str(tmp_path), max_bytes=MIB)
    assert tree.files == (entry(tmp_path / "a"), entry(tmp_path / "b" / "2"))
    assert (tree.unreadable, tree.is_whole, tree.total_bytes) == (0, True, 6)


def test_scan_counts_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "open").write_text("open")
    original = _tree.blocks

    def refuse_one(file: FileEntry) -> object:
        if file.path.endswith("secret"):
            raise PermissionError(13, "Permission denied", file.path)
        return original(file)

    monkeypatch.setattr(_tree, "blocks", refuse_one)
    tree = scan(str(tmp_path), max_bytes=MIB)
    assert tree.files == (entry(tmp_path / "open"),)
    assert tree.unreadable == 1
    assert "Skipped because unreadable: 1." in measure_hashing(tree, 2, 1, SILENT).notes


@pytest.mark.parametrize(("max_bytes", "max_files"), [(100, 99), (MIB, 2)])
def test_scan_keeps_its_limits_and_says_so(tmp_path: Path, max_bytes: int, max_files: int) -> None:
    (tmp_path / "0").write_bytes(b"x" * (101 if max_files == 99 else 1))
    (tmp_path / "1").write_bytes(b"x" * 50)
    (tmp_path / "2").write_bytes(b"x" * 51)
    (tmp_path / "3").write_bytes(b"x" * 50)
    tree = scan(str(tmp_path), max_bytes=max_bytes, max_files=max_files)
    assert [Path(file.path).name for file in tree.files] == (
        ["1", "3"] if max_files == 99 else ["0", "1"]
    )
    assert not tree.is_whole
    assert "Not the whole tree" in measure_hashing(tree, 2, 1, SILENT).text()


def test_scan_says_when_every_file_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "0").write_bytes(b"x" * (MIB + 1))
    with pytest.raises(CommandError, match="1 are larger than 1 MiB"):
        scan(str(tmp_path), max_bytes=MIB)


# --- the division


def test_divide_gives_every_file_to_one_group_and_balances_bytes() -> None:
    files = [FileEntry(f"f{number}", size, 0) for number, size in enumerate([7, 5, 4, 3, 1, 0, 0])]
    groups = divide(files, 3)
    assert sorted(file for group in groups for file in group) == sorted(files)
    assert [sum(file.size for file in group) for group in groups] == [7, 6, 7]


def test_divide_makes_no_empty_group() -> None:
    files = [FileEntry("a", 0, 0), FileEntry("b", 0, 0)]
    assert [len(group) for group in divide(files, 1000)] == [1, 1]


# --- the results


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB])
def test_hash_file_agrees_with_the_whole_file_at_once(tmp_path: Path, size: int) -> None:
    content = bytes(number * number % 251 for number in range(1000)) * (size // 1000 + 1)
    path = tmp_path / "file"
    path.write_bytes(content[:size])
    packed = zlib.compress(content[:size])
    assert hash_file(entry(path)) == FileResult(
        str(path), hashlib.sha256(content[:size]).hexdigest(), len(packed), zlib.crc32(packed)
    )


def test_a_file_that_grows_is_read_as_the_scan_saw_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("first\n")
    before = entry(path)
    path.write_text("first\nsecond\n")
    assert hash_file(before).sha256 == hashlib.sha256(b"first\n").hexdigest()


def test_a_wrong_digest_of_an_unchanged_file_is_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("content")
    right = hash_file(entry(path))
    wrong = right._replace(sha256="0" * 64)
    files, expected = [entry(path)], {str(path): right}
    assert find_differences(files, expected, {str(path): right}, "threading") == ([], [])
    (line,), changed = find_differences(files, expected, {str(path): wrong}, "threading")
    assert line.startswith(f"threading: {path}: sha256 0000000000000000...")
    assert changed == []
    (line,), _ = find_differences(files, expected, {}, "threading")
    assert line.startswith(f"threading: {path}: no result, not sha256 ")


@pytest.mark.parametrize("what", ["vanishes", "shrinks", "changes"])
def test_a_file_that_changes_meanwhile_is_left_out_and_named(tmp_path: Path, what: str) -> None:
    path = tmp_path / "restless"
    path.write_text("before")
    (tmp_path / "still").write_text("the same")
    tree = scan(str(tmp_path), max_bytes=MIB)
    if what == "vanishes":
        path.unlink()
    else:
        path.write_text("now" if what == "shrinks" else "AFTER!")
        os.utime(path, ns=(0, 0))
    if what == "changes":
        right = {file.path: hash_file(file) for file in tree.files}
        old = {**right, str(path): right[str(path)]._replace(sha256="1" * 64)}
        assert find_differences(tree.files, old, right, "serial") == ([], [str(path)])
        return
    section = measure_hashing(tree, 2, 1, SILENT)
    assert section.differences == []
    note = f"Changed or vanished meanwhile, so not compared: 1 file, for example {str(path)!r}."
    assert note in section.notes


def test_a_tiny_folder_is_said_to_prove_nothing(tmp_path: Path) -> None:
    def is_too_short() -> bool:
        tree = scan(str(tmp_path), max_bytes=64 * MIB)
        return any(
            note.startswith("So little") for note in measure_hashing(tree, 2, 64, SILENT).notes
        )

    (tmp_path / "tiny").write_text("tiny")
    assert is_too_short()
    (tmp_path / "large").write_bytes(os.urandom(4 * MIB))
    assert not is_too_short()


# --- the kitchen


def test_kitchen_serves_each_dish_and_refuses_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kitchen, "LATENCY_SECONDS", 0)
    # A proxy of the environment must not be asked for a server on this machine.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with open_kitchen() as urls:
        assert [download(url) for url in urls] == [dish_body(name) for name in _kitchen.DISHES]
        with pytest.raises(ConnectionError, match="HTTP status 404"):
            download(f"{urls[0]}0")
    with pytest.raises(ConnectionRefusedError):
        download(urls[0])


def test_a_wrong_body_and_a_failed_download_are_differences() -> None:
    urls = ["http://kitchen/dish-0", "http://kitchen/dish-1", "http://kitchen/dish-2"]
    outcomes: list[Result[bytes, BaseException]] = [
        Ok(dish_body("dish-0")),
        Ok(dish_body("dish-0")),
        Err(TimeoutError("late")),
    ]
    assert _kitchen.find_differences(urls, [Run("threading", 1.0, outcomes)]) == [
        "threading: http://kitchen/dish-1: not the body that was sent",
        "threading: http://kitchen/dish-2: TimeoutError('late')",
    ]


# --- the latency


def test_latency_is_measured_in_turns_and_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def fake(way: str, seconds: float) -> _latency.Stopwatch:
        def stopwatch() -> tuple[float, bool]:
            calls.append(way)
            return seconds + len(calls), True

        return stopwatch

    monkeypatch.setattr(_latency, "BLOCK", 2)
    pattern = _latency.Pattern("job", "label", blocks=2, pause=0)
    samples = _latency.measure_pattern(
        pattern, {"threading": fake("threading", 0.5), "pythread_rs": fake("pythread_rs", 0.25)}
    )
    assert calls == ["threading", "threading", "pythread_rs", "pythread_rs"] * 3
    assert samples.seconds == {
        "threading": [5.5, 6.5, 9.5, 10.5],
        "pythread_rs": [7.25, 8.25, 11.25, 12.25],
    }


def test_an_empty_function_that_ends_wrongly_is_a_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def time_wrongly() -> tuple[float, bool]:
        return 0.5, False

    pattern = _latency.Pattern("job", "label", blocks=1, pause=0)
    monkeypatch.setattr(_latency, "PATTERNS", (pattern,))
    assert _latency.measure_latency(SILENT).differences == []
    monkeypatch.setattr(_latency, "time_spawn", time_wrongly)
    assert _latency.measure_latency(SILENT).differences == [
        f"pythread_rs: {2 * _latency.BLOCK} empty functions, label, did not end as they should"
    ]


# --- the text


def test_table_aligns_names_left_and_figures_right() -> None:
    assert render(("way", "time"), [("serial", "1 s"), ("x", "10.5 s")]).splitlines() == [
        "way       time",
        "serial     1 s",
        "x       10.5 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.0, "12.00 s"),
        (1.0, "1.000 s"),
        (0.9994, "999.4 ms"),
        (0.2064, "206.4 ms"),
        (1e-3, "1.000 ms"),
        (53.41e-6, "53.41 us"),
        (2.5e-7, "0.250 us"),
        (0.0, "0.000 us"),
        (12345.6, "12346 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("ours", "beginning"),
    [
        (0.94, "pythread_rs is faster"),
        (0.96, "pythread_rs and threading take the same"),
        (1.04, "pythread_rs and threading take the same"),
        (1.06, "threading is faster"),
    ],
)
def test_the_verdict_is_honest(ours: float, beginning: str) -> None:
    assert verdict(ours, 1.0).startswith(beginning)


def test_a_section_shows_ten_differences_and_counts_the_rest() -> None:
    figure = Figure("job", "serial", "time", 1.0, "s", 1)
    section = Section("Title", ("way",), [("serial",)], [], [figure], [str(n) for n in range(12)])
    lines = section.text().splitlines()
    assert lines[:3] == ["Title", "  way", "  serial"]
    assert lines[3:] == [*(f"  DIFFERENT: {n}" for n in range(10)), "  ... and 2 more"]


# --- the progress line


class Screen(io.StringIO):
    """A terminal that says when the line has been drawn three times."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.is_drawn_thrice = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.writes += 1
        if self.writes == 3:
            self.is_drawn_thrice.set()
        return super().write(text)


def test_progress_is_redrawn_and_wiped() -> None:
    screen = Screen()
    progress = Progress(screen)
    progress.begin_job("[1/1] job")
    with progress.step("working"):
        assert screen.is_drawn_thrice.wait(10)
    first, second, *_, wiped = screen.getvalue().removeprefix("\r").removesuffix("\r").split("\r")
    assert first == "[1/1] job: working"
    assert second.startswith("[1/1] job: working  0.")
    assert wiped.isspace()
    assert len(wiped) >= len(second)


def test_progress_keeps_within_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    screen = Screen()
    progress = Progress(screen)
    progress.begin_job("[1/1] a job with a long name")
    with progress.step("step", ticking=False):
        pass
    assert max(map(len, screen.getvalue().split("\r"))) == 19


def test_progress_writes_nothing_into_a_file() -> None:
    file = io.StringIO()
    with Progress(file).step("working"):
        pass
    assert file.getvalue() == ""
