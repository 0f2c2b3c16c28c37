"""A model that a recipe made, in the file it was converted to, with the record that training leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from apps.models.engine import conversion, preprocessing, recipes
from apps.models.engine.estimators import ESTIMATORS, Setting
from apps.models.engine.preprocessing import Preprocessor
from apps.models.engine.signatures import Signature
from apps.validation.engine.arrays import is_number
from apps.validation.engine.base import Kind
from apps.validation.engine.case import Artifact, Case
from apps.validation.engine.checks.formats import LEARNERS
from apps.validation.engine.loading import Served
from tests.validation.faults import worlds

ESTIMATOR = "logistic"


@cache
def recipe() -> recipes.Recipe:
    """Who takes an offer, by logistic regression."""
    rows = worlds.people(10)
    kinds = {name: "number" if is_number(rows.columns[name]) else "category" for name in rows.features}
    return recipes.from_json(
        {
            "task": "classification",
            "target": "taken",
            "features": [{"name": name, "kind": kind} for name, kind in kinds.items()],
            "candidates": [{"estimator": ESTIMATOR}],
        }
    )


@cache
def exported(**parameters: Any) -> bytes:
    """The file of a model that was trained by the recipe, with these parameters of its estimator."""
    rows, kind = worlds.people(4_000, seed=2), ESTIMATORS[ESTIMATOR]
    prepared = Preprocessor.fit(recipe(), rows.inputs, scale=kind.scale)
    matrix = prepared.transform(rows.inputs)
    setting = Setting(recipe().task, recipe().seed, 1, matrix.shape[1], 2)
    return conversion.export(prepared, kind.fitted(setting, parameters, matrix, rows.truth), signature())


def signature() -> Signature:
    """What the file takes and answers."""
    inputs = preprocessing.inputs_of(recipe())
    return Signature("binary", "taken", inputs, (0, 1), 0.5, {"layout": "columns", "probabilities": "probabilities"})


def case_of(folder: Path, content: bytes | None = None) -> Case:
    """The sound case with this file as the model, or with the one that its recipe makes."""
    content, path = exported() if content is None else content, folder / "model.onnx"
    path.write_bytes(content)
    artifact = Artifact(path, "onnx", hashlib.sha256(content).hexdigest(), signature().as_json())
    training = {
        "recipe": recipe().as_json(),
        "estimator": ESTIMATOR,
        "parameters": {},
        "rows": 4_000,
        "libraries": {name: version(name) for name in LEARNERS},
        "is_whole": True,
    }
    sound = worlds.base()
    facts = {**sound.facts, "training": training}
    return replace(sound, kind=Kind.BINARY, model=Served(artifact, 1), artifact=artifact, facts=facts)


def with_figures(content: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """The file with the figures of its linear model changed."""
    model = onnx.load_model_from_string(content)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "coefficients":
                changed = change(np.array(attribute.floats, dtype=np.float32))
                del attribute.floats[:]
                attribute.floats.extend(changed.astype(np.float32).tolist())
    return model.SerializeToString()
