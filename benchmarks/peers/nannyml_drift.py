"""NannyML's univariate drift on two Parquet files: `python nannyml_drift.py reference current rounds`; prints JSON."""

import json
import sys
import time

import nannyml
import pandas as pd

began = time.process_time()
reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
read = [time.process_time() - began]
columns = list(reference.columns)
whole, fitted = [], []
for _ in range(int(sys.argv[3])):
    began = time.process_time()
    calculator = nannyml.UnivariateDriftCalculator(column_names=columns, chunk_number=1)
    calculator.fit(reference)
    middle = time.process_time()
    calculator.calculate(current).to_df().to_json()
    whole.append(time.process_time() - began)
    fitted.append(time.process_time() - middle)
print(json.dumps({"check": whole, "fitted": fitted, "read": read}))
