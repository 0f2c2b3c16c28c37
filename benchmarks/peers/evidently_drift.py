"""Evidently's drift report on two Parquet files: `python evidently_drift.py reference current rounds`; prints JSON."""

import json
import sys
import time

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

began = time.process_time()
reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
read = [time.process_time() - began]
seconds = []
for _ in range(int(sys.argv[3])):
    began = time.process_time()
    Report([DataDriftPreset()]).run(current, reference).json()
    seconds.append(time.process_time() - began)
print(json.dumps({"check": seconds, "read": read}))
