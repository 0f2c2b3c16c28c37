"""NannyML's estimates without labels: `python nannyml_estimates.py reference current`; prints JSON.

Both Parquet files hold the columns score, said and true; a column `case` tells the cases apart, each estimated as one
chunk.
"""

import json
import sys

import nannyml
import pandas as pd

METRICS = {"accuracy": "accuracy", "f1": "f1", "roc_auc": "auc"}
reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
found = {}
for case, rows in current.groupby("case"):
    known = reference[reference["case"] == case].drop(columns="case")
    estimator = nannyml.CBPE(
        problem_type="classification_binary",
        y_pred_proba="score",
        y_pred="said",
        y_true="true",
        metrics=list(METRICS),
        chunk_number=1,
    )
    estimator.fit(known)
    table = estimator.estimate(rows.drop(columns=["case", "true"])).filter(period="analysis").to_df()
    for theirs, ours in METRICS.items():
        found[f"{case} {ours}"] = [float(table[theirs]["value"].iloc[0])]
print(json.dumps(found))
