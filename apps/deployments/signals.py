"""What deployments announce, in the transaction that does it."""

from django.dispatch import Signal

# A version answers at an endpoint from now on (deployed, replaced, rolled back): `deployment`, `endpoint`, `version`,
# `by`.
version_deployed = Signal()

# An endpoint went live, drains or is off: `endpoint`, `state`, `by`.
endpoint_changed = Signal()

# New predictions of one endpoint and version were recorded, each announced exactly once, in the recorder's process:
# `endpoint_id`, `version_id`, `predictions` (a list of apps.deployments.recording.Recorded). Receivers keep something
# small and queue the rest; when one raises, the batch is not stored and comes again.
predictions_recorded = Signal()

# Before conditions of use are judged, with `endpoint` and `monitors` (a list to add to: `kind` and all `limits` of each
# monitor that is active there).
gathering_monitors = Signal()

# What answers breaks a condition under which it was validated, or keeps all of them again: `deployment`, `sentences`
# (empty when it keeps them), `by`.
terms_judged = Signal()
