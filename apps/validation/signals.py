"""What validation announces, in the transaction that decides."""

from django.dispatch import Signal

# Sent when a run has its verdict, with `run` and `by`. Retraining waits for it to compare challenger and champion.
run_finished = Signal()

# Sent when a validator has concluded, with `run` (outcome validated, conditions or rejected), `version` and `by`.
concluded = Signal()

# Sent when a finding is raised or closed and when a waiver begins or ends, with `version` and `by`: what the gate
# answered for this version may be different now.
standing_changed = Signal()

# Asked when it matters which versions people rely on, with `ids` (a set to add the ids of versions to).
gathering_use = Signal()

# Sent once a day, with `by`: whoever holds something against a conclusion that may have run out looks at it now.
following_up = Signal()

# Sent when a run gathers its facts, with `version` and a list `watched`: who watches the endpoints of the model adds
# {"endpoint": its key, "monitors": how many active monitors it has} for each that answers.
gathering_watch = Signal()

# Sent when a run gathers its facts, with `version` and a list `objectives`: who watches an endpoint of the model adds
# {"endpoint": its key, "ms": milliseconds in which 95 of 100 calls have to be answered}.
gathering_objectives = Signal()
