"""Pages of deployments."""

from apps.deployments.views.changes import (
    CarryOut,
    ChangeVersion,
    DeploymentPage,
    Drain,
    Drop,
    Resume,
    RollBack,
    TurnOff,
)
from apps.deployments.views.endpoints import CreateEndpoint, EndpointList, EndpointPage
from apps.deployments.views.environments import CreateEnvironment, EnvironmentList, EnvironmentPage
from apps.deployments.views.looking import GatePage, HistoryPage, PredictionList

__all__ = [
    "CarryOut",
    "ChangeVersion",
    "CreateEndpoint",
    "CreateEnvironment",
    "DeploymentPage",
    "Drain",
    "Drop",
    "EndpointList",
    "EndpointPage",
    "EnvironmentList",
    "EnvironmentPage",
    "GatePage",
    "HistoryPage",
    "PredictionList",
    "Resume",
    "RollBack",
    "TurnOff",
]
