"""What datasets announce, in the transaction that decides."""

from django.dispatch import Signal

# Sent when a dataset version is signed off as fit, with `version` and `by`. Parts of a split follow their version and
# are not announced by themselves.
signed_off = Signal()

# Sent when a version that was signed off no longer is (its sign-off became invalid, or it was rejected), with `version`
# and `by`.
withdrawn = Signal()
