"""The text of a panic, also of one whose payload cannot be printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pythread_rs.panic._panic import Panic

if TYPE_CHECKING:
    from traceback import TracebackException

__all__ = ["Report", "payload_as_str"]


@final
class Report:
    """The message and the backtrace of an exception, whose `__str__` is called once for both."""

    __slots__ = ("_formatted", "_message", "_panic")

    def __init__(self, panic: BaseException) -> None:
        self._panic = panic
        self._formatted: TracebackException | None = None
        self._message: str | None = None

    def message(self) -> str:
        """Return the text, without a newline at its end."""
        if self._message is None:
            self._message = f"<unprintable {type(self._panic).__name__} object>"
            try:
                self._message = self._compose()
            except Exception:  # whatever a method of the payload raises
                return self._message
        return self._message

    def backtrace(self) -> str:
        """Return Python's whole traceback: causes, contexts and groups included."""
        try:
            return "".join(self._traceback().format())
        except Exception:  # as above: no report is lost by that
            return "<unprintable>\n"

    def _compose(self) -> str:
        first, *rest = self._traceback().format_exception_only()
        # A subclass of Panic is shown as any exception is: its name says something.
        if type(self._panic) is Panic:
            text = payload_as_str(self._panic)
            first = f"Panic({self._panic.payload!r})\n" if text is None else f"{text}\n"
        return "".join([first, *rest]).removesuffix("\n")

    def _traceback(self) -> TracebackException:
        if self._formatted is None:
            from traceback import TracebackException  # not at the top: most programs never panic

            panic = self._panic
            self._formatted = TracebackException(
                type(panic), panic, panic.__traceback__, lookup_lines=False, compact=True
            )
        return self._formatted


def payload_as_str(panic: BaseException) -> str | None:
    """Return the text that a Panic carries, if it carries one."""
    payload = panic.payload if isinstance(panic, Panic) else None
    # str.__str__ makes a plain str of a subclass without calling methods of the subclass.
    return str.__str__(payload) if isinstance(payload, str) else None
