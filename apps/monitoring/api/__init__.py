"""API of monitoring: rows come in, checks and incidents come out; monitors are set up and incidents worked on."""

from apps.monitoring.api.channels import Channels, Deliveries
from apps.monitoring.api.incidents import Incidents
from apps.monitoring.api.metrics import Metrics
from apps.monitoring.api.monitors import Alerts, Baselines, Checks, Monitors
from apps.monitoring.api.plans import Digest, Mutes, Unwatched, WatchPlans
from apps.monitoring.api.rows import (
    Batches,
    Holds,
    ReceiveFeedback,
    ReceiveOutcomes,
    ReceivePredictions,
    Service,
    States,
)
from apps.monitoring.api.segments import SegmentColumns, Segments
from apps.monitoring.api.worth import EndpointValues, OutcomeDays, Values

__all__ = [
    "Alerts",
    "Baselines",
    "Batches",
    "Channels",
    "Checks",
    "Deliveries",
    "Digest",
    "EndpointValues",
    "Holds",
    "Incidents",
    "Metrics",
    "Monitors",
    "Mutes",
    "OutcomeDays",
    "ReceiveFeedback",
    "ReceiveOutcomes",
    "ReceivePredictions",
    "SegmentColumns",
    "Segments",
    "Service",
    "States",
    "Unwatched",
    "Values",
    "WatchPlans",
]
