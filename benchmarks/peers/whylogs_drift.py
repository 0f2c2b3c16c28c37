"""whylogs' drift scores on two Parquet files: `python whylogs_drift.py reference current hours rounds`; prints JSON.

The nearest to Tenure among the peers: it keeps a profile for every hour. `stored` reads those of the window and that of
the reference and compares them; `check` makes the window's profile of the rows first.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import whylogs
from whylogs.core.view.dataset_profile_view import DatasetProfileView
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

began = time.process_time()
reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
read = [time.process_time() - began]
known = whylogs.log(reference).view().serialize()
parts = np.array_split(np.arange(len(current)), int(sys.argv[3]))
hourly = [whylogs.log(current.iloc[part]).view().serialize() for part in parts]


def scores(window: DatasetProfileView) -> str:
    """Both profiles compared, as JSON."""
    found = calculate_drift_scores(window, DatasetProfileView.deserialize(known), with_thresholds=True)
    return json.dumps(found, default=str)


rows, stored = [], []
for _ in range(int(sys.argv[4])):
    began = time.process_time()
    scores(whylogs.log(current).view())
    middle = time.process_time()
    window, *others = (DatasetProfileView.deserialize(one) for one in hourly)
    for one in others:
        window = window.merge(one)
    scores(window)
    rows.append(middle - began)
    stored.append(time.process_time() - middle)
print(json.dumps({"check": rows, "stored": stored, "read": read, "bytes": sum(map(len, hourly))}))
