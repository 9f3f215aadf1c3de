"""Pools: closures on threads, processes and machines that somebody else keeps."""

from pythread_rs.pool._shipping import RemoteTraceback
from pythread_rs.pool._spawn_on import spawn_on

__all__ = ["RemoteTraceback", "spawn_on"]
