"""What projects announce, in the transaction that decides."""

from django.dispatch import Signal

# Sent when a charter is approved, first or again, with `project` and `by`.
approved = Signal()

# Sent when an approved charter is changed, whether or not its approval goes on to count, with `project` and `by`.
changed = Signal()

# Sent before a project is retired, with `project` and `by`. A receiver raises a domain error to object, as while an
# endpoint of the project still answers.
retiring = Signal()
