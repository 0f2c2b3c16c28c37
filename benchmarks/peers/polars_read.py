"""How fast Polars merely reads a Parquet file on one core: `python polars_read.py file rounds`; prints JSON."""

import json
import sys
import time

import polars as pl

seconds = []
for _ in range(int(sys.argv[2])):
    began = time.process_time()
    pl.read_parquet(sys.argv[1])
    seconds.append(time.process_time() - began)
print(json.dumps({"read": seconds}))
