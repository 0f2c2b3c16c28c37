"""One module for each stage: what waits there, what search finds there, where a life stands."""

from apps.portal.stages import (
    data,
    deployment,
    development,
    monitoring,
    organization,
    planning,
    retirement,
    retraining,
    validation,
)
from apps.portal.stages.base import Findable, Source

STAGES = (planning, data, development, validation, deployment, monitoring, retraining, retirement)
SOURCES: list[Source] = [source for stage in (*STAGES, organization) for source in stage.SOURCES]
FINDABLES: list[Findable] = [findable for stage in (*STAGES, organization) for findable in stage.FINDABLES]
