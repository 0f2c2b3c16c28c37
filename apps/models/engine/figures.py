"""Names of metrics and which way each is better. No library: pages use it."""

from __future__ import annotations

SMALLER_IS_BETTER = {"log_loss", "brier", "rmse", "mae"}
TITLES = {
    "roc_auc": "Ranking quality (ROC AUC)",
    "average_precision": "Precision over all thresholds (average precision)",
    "accuracy": "Share that is right (accuracy)",
    "balanced_accuracy": "Share that is right, class by class (balanced accuracy)",
    "precision": "Share of positives that are right (precision)",
    "recall": "Share of true cases that are found (recall)",
    "f1": "Balance of precision and recall (F1)",
    "log_loss": "Surprise by the truth (log loss)",
    "brier": "Squared error of the probability (Brier)",
    "rmse": "Typical error (RMSE)",
    "mae": "Average error (MAE)",
    "r2": "Share of the spread that is explained (R²)",
}


def title_of(metric: str) -> str:
    """The metric in words, its technical name beside it."""
    return TITLES.get(metric, metric)


def short_title_of(metric: str) -> str:
    """The metric's technical name as people write it, for headings: ROC AUC."""
    return title_of(metric).rpartition("(")[2].removesuffix(")")


def is_better(metric: str, value: float, than: float) -> bool:
    """Whether a value of this metric beats another."""
    return value < than if metric in SMALLER_IS_BETTER else value > than
