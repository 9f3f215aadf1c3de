"""Who owns what: the errors that stand for rustc's refusals.

TypeError
 +-- OwnershipError        a rule of ownership is broken; `.code` is rustc's
      +-- UseAfterMoveError   E0382: used after it was moved, such as a handle joined twice
"""

from pythread_rs.ownership._errors import OwnershipError, UseAfterMoveError

__all__ = ["OwnershipError", "UseAfterMoveError"]
