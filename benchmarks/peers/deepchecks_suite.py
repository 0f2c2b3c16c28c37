"""Deepchecks' full suite: `python deepchecks_suite.py folder ... target`; prints JSON, an entry a folder."""

import json
import sys
import time

from deepchecks.core.condition import ConditionCategory
from deepchecks.tabular import Dataset
from deepchecks.tabular.suites import full_suite
from onnx_model import OnnxModel, rows

*folders, target = sys.argv[1:]
found = {}
for folder in folders:
    began = time.process_time()
    train, test, words = rows(folder, target)
    sets = [Dataset(part, label=target, cat_features=words) for part in (train, test)]
    result = full_suite().run(*sets, OnnxModel(f"{folder}/model.onnx"), with_display=False)
    seconds = time.process_time() - began
    conditions = [
        (check.get_header(), condition)
        for check in result.results
        if hasattr(check, "conditions_results")
        for condition in check.conditions_results
    ]
    found[folder] = {
        "seconds": seconds,
        "judged": len(conditions),
        "complaints": [
            f"{header} {condition.name} {condition.category.name}"
            for header, condition in conditions
            if condition.category in (ConditionCategory.FAIL, ConditionCategory.WARN)
        ],
    }
print(json.dumps(found))
