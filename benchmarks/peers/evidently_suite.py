"""Evidently's classification, drift and summary presets with tests: `python evidently_suite.py folder ... target`."""

import json
import sys
import time

from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.presets import ClassificationPreset, DataDriftPreset, DataSummaryPreset
from onnx_model import OnnxModel, rows

*folders, target = sys.argv[1:]
found = {}
for folder in folders:
    began = time.process_time()
    train, test, words = rows(folder, target)
    model = OnnxModel(f"{folder}/model.onnx")
    sets = []
    for part in (train, test):
        frame = part.assign(score=model.predict_proba(part)[:, 1])
        definition = DataDefinition(
            classification=[BinaryClassification(target=target, prediction_probas="score", pos_label=1)],
            numerical_columns=[name for name in part.columns if name not in words and name != target],
            categorical_columns=words,
        )
        sets.append(Dataset.from_pandas(frame, data_definition=definition))
    report = Report([ClassificationPreset(), DataDriftPreset(), DataSummaryPreset()], include_tests=True)
    tests = report.run(sets[1], sets[0]).dict()["tests"]
    seconds = time.process_time() - began
    found[folder] = {
        "seconds": seconds,
        "judged": len(tests),
        "complaints": [
            one["name"].split(": ")[0] for one in tests if str(one["status"]).rsplit(".")[-1] in ("FAIL", "WARNING")
        ],
    }
print(json.dumps(found))
