"""What organizations announce, in the transaction that does it."""

from django.dispatch import Signal

# A new organization, with `organization` and `by`, sent inside its tenant. Apps above set up what it begins with.
organization_created = Signal()
