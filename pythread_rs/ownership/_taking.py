"""Values that go to a C function of ours, such as `send`: checked like an argument of `spawn`."""

from __future__ import annotations

import sys
from typing import Final

from pythread_rs.ownership._check import Closure, Undo, examined, exchange_owns, unwrap
from pythread_rs.ownership._errors import OwnershipError
from pythread_rs.ownership._kinds import is_shareable
from pythread_rs.ownership._sites import user_frame
from pythread_rs.ownership._wrappers import AssumeSend

__all__ = ["taken"]

_CALLER: Final = 2  # frames further out: this function, and the one that C calls


def taken(closure: Closure, lent: int, *, sync: bool) -> None:
    """Check what C could not decide about, and leave in `closure` what is to be stored.

    Nothing here may keep the value in a variable while it is examined: that would be one more
    holder.

    Args:
        closure: `[None, (value,), {}]`.
        lent: where the value stands in the caller's value stack; 0 when a C function called ours.
        sync: the value must be Sync, and may be held by others.

    Raises:
        OwnershipError: it may not be taken over. Nothing has changed.
    """
    if sync:
        _require_sync(closure)
        return
    frame = sys._getframe(_CALLER)
    undo = Undo(None)
    try:
        exchange_owns(closure, undo.spent)
        found = examined((closure,), frame, lent)
        if type(found) is tuple:
            from pythread_rs.ownership._refused_values import TAKEN, TAKEN_INDIRECTLY, refusal

            words = TAKEN if lent else TAKEN_INDIRECTLY
            raise refusal(found, closure, user_frame(), words)
        undo.emptied = found
        unwrap(closure)
    except (OwnershipError, MemoryError):
        undo.put_back(closure)
        raise


def _require_sync(closure: Closure) -> None:
    if type(closure[1][0]) is not AssumeSend and not is_shareable(closure[1][0]):
        from pythread_rs.ownership._refusals import not_sync

        fix = "let one thread at a time have it: put it in a `Mutex`"
        raise not_sync(closure[1][0], user_frame(), fix)
    unwrap(closure)
