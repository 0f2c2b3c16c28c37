"""Giskard's scan: `python giskard_suite.py folder ... target`; prints JSON, an entry a folder."""

import json
import sys
import time

import giskard
from onnx_model import OnnxModel, rows

*folders, target = sys.argv[1:]
found = {}
for folder in folders:
    began = time.process_time()
    train, test, words = rows(folder, target)
    model = giskard.Model(
        OnnxModel(f"{folder}/model.onnx").predict_proba,
        model_type="classification",
        classification_labels=[0, 1],
        feature_names=[name for name in test.columns if name != target],
        classification_threshold=0.5,
    )
    data = giskard.Dataset(test, target=target, cat_columns=words)
    scanned = giskard.scan(model, data, verbose=False, raise_exceptions=False)
    seconds = time.process_time() - began
    found[folder] = {
        "seconds": seconds,
        "judged": len(scanned.detectors_names) if scanned.detectors_names else 0,
        "complaints": [f"{one.group.name} {one.features} {one.level.name}" for one in scanned.issues],
    }
print(json.dumps(found))
