"""What approvals announce, in the transaction that decides."""

from django.dispatch import Signal

# Sent when a request ends, with `request` (its state is approved, declined, withdrawn, expired or invalidated; see
# RequestState) and `by`. The subject's receiver, found by `request.kind`, reacts in the same transaction.
decided = Signal()

# Sent before a signature is kept, with `request` and `by`. A receiver raises a domain error, or calls
# actions.invalidate, when what the request covers is no longer what was frozen.
signing = Signal()
