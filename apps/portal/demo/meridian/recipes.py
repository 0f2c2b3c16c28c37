"""What Meridian's data scientist writes: recipes of preparation and training, the split, the card."""

from typing import Any

WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
FEATURES = [
    {"name": "hour", "kind": "integer"},
    {"name": "weekday", "kind": "integer"},
    {"name": "distance", "kind": "number"},
    {"name": "temp", "kind": "number"},
    {"name": "dewp", "kind": "number"},
    {"name": "humid", "kind": "number"},
    {"name": "wind_speed", "kind": "number"},
    {"name": "precip", "kind": "number"},
    {"name": "pressure", "kind": "number"},
    {"name": "visib", "kind": "number"},
    {"name": "carrier", "kind": "category"},
    {"name": "origin", "kind": "category"},
    {"name": "dest", "kind": "category"},
]
RECIPE = {
    "task": "classification",
    "target": "late",
    "features": FEATURES,
    "candidates": [
        {"name": "logistic regression", "estimator": "logistic", "parameters": {}},
        {"name": "random forest", "estimator": "random_forest", "parameters": {"n_estimators": 40, "max_depth": 12}},
        {"name": "gradient boosting", "estimator": "lightgbm", "parameters": {"n_estimators": 150, "num_leaves": 31}},
    ],
    "cv": {"folds": 3},
    "metric": "roc_auc",
    "threshold": 0.35,
    "seed": 2013,
}
PREPARATION: list[dict[str, Any]] = [
    {"step": "drop_duplicates"},
    {"step": "filter_rows", "conditions": [{"column": "arr_delay", "operator": "present"}]},
    {"step": "change_case", "columns": ["carrier", "origin", "dest"], "case": "upper"},
    {"step": "derive", "name": "late", "operation": "above", "columns": ["arr_delay"], "value": 15, "role": "target"},
    {
        "step": "derive",
        "name": "weekday",
        "operation": "weekday",
        "columns": ["time_hour"],
        "timezone": "America/New_York",
    },
    {
        "step": "join",
        "table": "weather-2013@1",
        "on": {"origin": "origin", "time_hour": "time_hour"},
        "columns": WEATHER,
    },
    {"step": "limit_range", "column": "wind_speed", "minimum": 0, "maximum": 100, "action": "null"},
    {"step": "fill_missing", "columns": WEATHER, "method": "median", "by": ["origin"]},
    {"step": "convert_units", "columns": ["temp", "dewp"], "from_unit": "°F", "to_unit": "°C"},
]
SPLIT = {
    "method": "random",
    "seed": 2013,
    "target": "late",
    "stratify": "late",
    "parts": [{"name": "train", "share": 0.75}, {"name": "test", "share": 0.25}],
}
CARD = {
    "intended_use": "Warns the operations centre, hours before departure, which arrivals are likely to be more than 15 minutes "
    "late, so that connections and gates can be planned. People decide; the score only orders their attention.",
    "out_of_scope": "No decision about a single passenger or crew member. No flights from airports other than EWR, JFK and LGA.",
    "limitations": "Learned on a few months; weather of another season and carriers that were rare then are uncertain. It does not "
    "know delays that build up during the day.",
    "ethics": "No personal data. Carriers serving small airports could be warned about more often; the share of warnings by "
    "carrier is looked at in every validation.",
    "oversight": "The duty manager sees score and weather side by side and may overrule every warning; the operator can roll back "
    "within a minute.",
    "contact": "dario@meridian.example",
}
USE = "Training and testing models that warn of late arrivals"
