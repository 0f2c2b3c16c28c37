"""Pages of datasets."""

from apps.datasets.views.dataset import (
    AddRule,
    ChangeDataset,
    DatasetList,
    DatasetPage,
    EndRule,
    NewDataset,
    Reference,
    Rules,
    Upload,
)
from apps.datasets.views.sources import ChangeSource, NewSource, SourceList, SourcePage
from apps.datasets.views.version import (
    CheckQuality,
    Download,
    ReadAgain,
    Reject,
    RequestSignOff,
    VersionPage,
)
from apps.datasets.views.work import NewPreparation, NewSplit, PreparationPage, SplitPage

__all__ = [
    "AddRule",
    "ChangeDataset",
    "ChangeSource",
    "CheckQuality",
    "DatasetList",
    "DatasetPage",
    "Download",
    "EndRule",
    "NewDataset",
    "NewPreparation",
    "NewSource",
    "NewSplit",
    "PreparationPage",
    "ReadAgain",
    "Reference",
    "Reject",
    "RequestSignOff",
    "Rules",
    "SourceList",
    "SourcePage",
    "SplitPage",
    "Upload",
    "VersionPage",
]
