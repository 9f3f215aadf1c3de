"""What threads share, and how they wait for each other."""

from pythread_rs.sync._stop import Stopped, StopToken

__all__ = ["StopToken", "Stopped"]
