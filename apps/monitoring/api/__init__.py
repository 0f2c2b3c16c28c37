"""API of monitoring: rows come in, checks and incidents come out; monitors are set up and incidents worked on."""

from apps.monitoring.api.incidents import Incidents
from apps.monitoring.api.metrics import Metrics
from apps.monitoring.api.monitors import Alerts, Baselines, Checks, Monitors
from apps.monitoring.api.rows import (
    Batches,
    ReceiveFeedback,
    ReceiveOutcomes,
    ReceivePredictions,
    Service,
    States,
)

__all__ = [
    "Alerts",
    "Baselines",
    "Batches",
    "Checks",
    "Incidents",
    "Metrics",
    "Monitors",
    "ReceiveFeedback",
    "ReceiveOutcomes",
    "ReceivePredictions",
    "Service",
    "States",
]
