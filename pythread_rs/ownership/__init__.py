"""Who owns what: closures that move, and the errors that stand for rustc's refusals.

    move, take, drain, Own       give values to another thread
    freeze, shared               values that several threads read
    impl_send, impl_sync, impl_copy, not_send, assume_send
                                 what the check cannot know
    is_send, is_sync, explain    ask it without spawning


TypeError
 +-- OwnershipError           a rule of ownership is broken; `.code` is rustc's
      +-- CaptureError        E0373: a thread would borrow what may be gone before it
      +-- UseAfterMoveError   E0382: used after it was moved, such as a handle joined twice
      +-- BorrowError         E0505: moved while somebody else holds it
      +-- NotSendError        E0277: must not be sent to, or shared with, another thread
      +-- MutableBorrowError  E0499, E0502, E0506, E0594: changed in one place, used in another
      +-- StaticError         E0133, E0507: a module's variable assigned, or moved
"""

from pythread_rs.ownership._connect import connect as _connect
from pythread_rs.ownership._errors import (
    BorrowError,
    CaptureError,
    MutableBorrowError,
    NotSendError,
    OwnershipError,
    StaticError,
    UseAfterMoveError,
)
from pythread_rs.ownership._marks import (
    explain,
    impl_copy,
    impl_send,
    impl_sync,
    is_send,
    is_sync,
    not_send,
)
from pythread_rs.ownership._moves import Drain, drain, move, take
from pythread_rs.ownership._wrappers import Frozen, Own, Shared, assume_send, freeze, shared

__all__ = [
    "BorrowError",
    "CaptureError",
    "Drain",
    "Frozen",
    "MutableBorrowError",
    "NotSendError",
    "Own",
    "OwnershipError",
    "Shared",
    "StaticError",
    "UseAfterMoveError",
    "assume_send",
    "drain",
    "explain",
    "freeze",
    "impl_copy",
    "impl_send",
    "impl_sync",
    "is_send",
    "is_sync",
    "move",
    "not_send",
    "shared",
    "take",
]

_connect()
