"""What models announce, in the transaction that decides. A receiver of the last three may raise a domain error."""

from django.dispatch import Signal

# A training run has ended well, with `run` and `by`.
trained = Signal()

# A training run has ended without a result (it failed or was cancelled), with `run` and `by`.
training_failed = Signal()

# A version was registered, with `version` and `by`.
registered = Signal()

# A version moved to another state, with `version`, `before` (the state before) and `by`.
state_changed = Signal()

# A name points elsewhere, with `model`, `name`, `before` and `after` (versions or None) and `by`.
alias_moved = Signal()

# Before approval is asked for and before each signature, with `version`, `by`, `evidence` (a dict to add to, which is
# frozen with the request) and `conflicts` (a dict of people who may not sign, to why).
gathering_evidence = Signal()

# A version's page is drawn, with `version`, `told` (a list of apps.core.pages.Told to add to) and `actions` (a list of
# apps.core.pages.Action, for what apps above can do with it).
showing = Signal()

# Before a version is archived, with `version` and `by`.
archiving = Signal()

# Before a model is retired, with `model` and `by`.
retiring = Signal()
