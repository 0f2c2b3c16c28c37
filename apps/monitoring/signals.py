"""News for the apps above: retraining and retirement hear these, in the same transaction."""

from django.dispatch import Signal

# An incident was opened. Arguments: incident (its cause, endpoint and check_run tell the rest), by.
incident_opened = Signal()

# A drift monitor found a signal that persists (k of m windows over both gates). Arguments: check, cause, by.
drift_found = Signal()

# A performance monitor found a measure that became worse and stays so in mature windows. Arguments: check, by.
performance_fell = Signal()

# Outcomes of earlier predictions have become known. Arguments: endpoint, batch, matched (how many), by.
outcomes_matched = Signal()
