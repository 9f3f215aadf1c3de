"""log_panics: a panic is one record, with what a log needs to know of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, spawn
from pythread_rs.panic import catch_unwind, log_panics, panic, set_hook, take_hook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[Kept]:
    yield Kept()
    take_hook()


@pytest.fixture
def logger(kept: Kept) -> logging.Logger:
    logger = logging.Logger("test")  # noqa: LOG001  # no other test may have it
    logger.addHandler(kept)
    return logger


def fail() -> None:
    raise ValueError("bad")


def test_a_panic_is_one_record(
    kept: Kept, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_panics(logger)
    handle = Builder(name="worker").spawn(fail)
    error = handle.join().unwrap_err()
    (record,) = kept.records
    assert (record.name, record.levelname, record.threadName) == ("test", "CRITICAL", "worker")
    line = fail.__code__.co_firstlineno + 1
    assert record.getMessage().startswith(f"thread 'worker' panicked at {__file__}:{line}:")
    assert record.getMessage().endswith(": ValueError: bad")
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert "in fail\n" in kept.texts[0]
    assert kept.texts[0].endswith("\nValueError: bad")
    assert record.__dict__["panic"].payload is error
    assert capsys.readouterr().err == ""
    # The record holds the exception, and with it the frames.
    kept.records.clear()


def test_an_unnamed_thread_and_another_level(kept: Kept, logger: logging.Logger) -> None:
    log_panics(logger, level=logging.WARNING)
    spawn(panic, "boom").join()
    assert kept.records[0].levelno == logging.WARNING
    assert kept.records[0].getMessage().startswith("thread '<unnamed>' panicked at ")
    kept.records.clear()


def test_the_hook_before_may_run_too(kept: Kept, logger: logging.Logger) -> None:
    seen: list[int] = []
    set_hook(lambda _: seen.append(len(kept.records)))
    log_panics(logger, also_print=True)
    catch_unwind(panic, "boom")
    assert seen == [1], "after the record"
    log_panics(logger)
    catch_unwind(panic, "boom")
    assert (seen, len(kept.records)) == ([1], 2)


@pytest.mark.parametrize(("given", "name"), [(None, "pythread_rs.panic"), ("my.app", "my.app")])
def test_a_logger_by_name(kept: Kept, given: str | None, name: str) -> None:
    logging.getLogger(name).addHandler(kept)
    log_panics(given)
    catch_unwind(panic, "boom")
    logging.getLogger(name).removeHandler(kept)
    assert [record.name for record in kept.records] == [name]


def test_an_adapter_logs(kept: Kept, logger: logging.Logger) -> None:
    log_panics(logging.LoggerAdapter(logger, {"request": 7}))
    catch_unwind(panic, "boom")
    assert len(kept.records) == 1


def test_what_is_no_logger_is_refused() -> None:
    not_a_logger: Any = 7
    with pytest.raises(TypeError, match="int has none"):
        log_panics(not_a_logger)


def test_without_handlers_the_message_is_on_stderr(run_program: Callable[..., Any]) -> None:
    child = run_program("log_panics()\nquiet(Builder(name='w').spawn(lambda: panic('boom')).join)")
    text = child.printed()
    assert text.startswith("thread 'w' panicked at ")
    assert "program.py:3:" in text
    assert ": boom\nTraceback (most recent call last):\n" in text


def test_a_handler_that_raises_loses_no_panic(run_program: Callable[..., Any]) -> None:
    child = run_program("""
        import logging
        class Broken(logging.Handler):
            def emit(self, record):
                raise OSError("the disk is full")
        logger = logging.Logger("x")
        logger.addHandler(Broken())
        log_panics(logger)
        quiet(spawn(panic, "boom").join)
    """)
    text = child.printed()
    assert "\nboom\n" in text
    assert "OSError: the disk is full\nthread panicked while processing panic." in text
