"""What people read for the engine's short names."""

from collections.abc import Collection

SIGNALS = {
    "drift": "Distribution",
    "null": "Missing values",
    "unseen": "New categories",
    "outside": "Out of range",
    "performance": "Performance",
    "errors": "Failed calls",
    "latency": "Latency",
    "silence": "Silence",
    "feedback": "Feedback",
    "value": "Business value",
    "segments": "Segments",
    "fairness": "Fairness",
    "contents": "Text and embeddings",
}
MEASURES = {
    "auc": "AUC",
    "accuracy": "Accuracy",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "bias": "Bias",
    "r2": "R²",
}


def measure(name: str) -> str:
    """What people read for a measure; those with a number in their name, as ndcg@10, are read as they are."""
    return MEASURES.get(name, name.upper())


def measures(names: Collection[str]) -> list[tuple[str, str]]:
    """Each of these measures with what people read for it, in the order in which they are shown."""
    ordered = [name for name in MEASURES if name in names] + sorted(set(names) - set(MEASURES))
    return [(name, measure(name)) for name in ordered]


_COMMON = {
    "minimum": "Least rows",
    "open_after": "Alerts after bad windows",
    "among": "Among the last",
    "close_after": "Quiet again after",
}
LIMITS = {
    "drift": {
        "psi": "PSI",
        "severe": "Severe from PSI",
        "q": "False discovery rate",
        "null": "Change of missing",
        "unseen": "Change of new categories",
        "outside": "Change of out of range",
        "most_windows": "Windows joined at most",
        "release": "Released below, of the limit",
        **_COMMON,
    },
    "performance": {"performance": "May fall by", "q": "Error probability", **_COMMON},
    "service": {"error_share": "Share of failed calls", "latency": "Seconds for 95 of 100", **_COMMON},
    "silence": {"silence_hours": "Hours without predictions"},
    "feedback": {"rating": "Lowest mean rating", **_COMMON},
    "value": {},
    "segments": {
        "psi": "PSI",
        "performance": "May be worse by",
        "impact": "Least impact ratio",
        "gap": "Largest difference of rates",
        "group": "Least rows of a group",
        "q": "False discovery rate",
        **_COMMON,
    },
    "contents": {"told_apart": "AUC above one half", "q": "False discovery rate", **_COMMON},
}
