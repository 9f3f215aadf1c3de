"""What threads share; Rust's `std::sync`.

atomic   numbers, booleans and references that change in one step
"""

from pythread_rs.sync import atomic

__all__ = ["atomic"]
