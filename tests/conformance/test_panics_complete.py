"""Every test of Rust's about panics is ported, or there is a reason why it is not."""

from __future__ import annotations

import re
from pathlib import Path

RUST_TESTS = (
    # tests/ui/panics
    "panic-task-name-none.rs",
    "panic-task-name-owned.rs",
    "main-panic.rs",
    "panic-main.rs",
    "panic-macro-any.rs",
    "panic-macro-any-wrapped.rs",
    "panic-macro-fmt.rs",
    "panic-macro-static.rs",
    "panic-macro-owned.rs",
    "panic-macro-explicit.rs",
    "fmt-panic.rs",
    "fmt-only-once.rs",
    "panic-set-unset-handler.rs",
    "panic-take-handler-nop.rs",
    "panic-handler-set-twice.rs",
    "panic-handler-chain-update-hook.rs",
    "panic-handler-flail-wildly.rs",
    "panic-recover-propagate.rs",
    "panic-in-cleanup.rs",
    "doublepanic.rs",
    "panic-in-hook.rs",
    "panic-in-message-fmt.rs",
    "panic-during-display-formatting.rs",
    "panic-in-dtor-drops-fields.rs",
    "panic-in-ffi.rs",
    "abort-on-panic.rs",
    "runtime-switch.rs",
    "location-detail-*.rs",
    "location-detail-unwrap-multiline.rs",
    "location-cstr.rs",
    "file-is-nul-terminated.rs",
    "oom-panic-unwind.rs",
    "alloc_error_hook-unwind.rs",
    "catch-unwind-bang.rs",
    "panic_info_message.rs",
    # tests/ui/panic-handler, tests/ui/sync
    "catch-unwind-during-unwind-68696.rs",
    "track-caller-for-once-87707.rs",
    # library/std/tests/panic.rs, library/coretests/tests/panic/location.rs
    "panic_safety_traits",
    "location_const_caller",
    "location_const_file",
    "location_const_line",
    "location_const_column",
)
NOT_APPLICABLE = {
    "panic-in-ffi.rs": (
        "an exception that reaches C is the business of the library that made the callback "
        "(ctypes and cffi print it and return 0 to C); nothing aborts"
    ),
    "abort-on-panic.rs": "nothing aborts: Python has no functions that must not unwind",
    "location-cstr.rs": "a Python str has no terminating NUL and no C form to ask for",
    "file-is-nul-terminated.rs": "a Python str has no terminating NUL",
    "track-caller-for-once-87707.rs": (
        "belongs to sync.Once; that functions of the package point at their caller is shown in "
        "tests/panic/test_location.py"
    ),
    "panic_safety_traits": "Python's types have no UnwindSafe; catch_unwind takes any callable",
}


def test_every_test_of_rust_is_here_or_explained() -> None:
    files = Path(__file__).parent.glob("test_panics*.py")
    tests = set(re.findall(r"(?m)^def (\w+)", "".join(file.read_text("utf-8") for file in files)))
    ported = {name for name in RUST_TESTS if ported_as(name) in tests}
    assert ported | set(NOT_APPLICABLE) == set(RUST_TESTS)
    assert not ported & set(NOT_APPLICABLE)


def ported_as(name: str) -> str:
    stem = re.sub(r"\W+", "_", name.removesuffix(".rs")).strip("_").removeprefix("test_")
    return f"test_{stem}"
