"""What cffi builds from the contract header; typed in `_ffi` only."""

from typing import Any

ffi: Any
lib: Any
