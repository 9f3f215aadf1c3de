"""What threads share, and how they wait for each other: Rust's `std::sync`.

Arc, Weak, ArcMut       one value with several owners
"""

from pythread_rs.sync._arc import Arc, Weak
from pythread_rs.sync._arc_mut import ArcMut

__all__ = ["Arc", "ArcMut", "Weak"]
