"""Faults of the file and of what is written about it."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression

from apps.validation.engine import advisories
from apps.validation.engine.arrays import Array, Columns
from apps.validation.engine.base import Limits
from apps.validation.engine.case import Artifact, Case
from tests.models.engine import hostile
from tests.validation.engine.graphs import SIGNATURE, logistic
from tests.validation.faults import worlds
from tests.validation.faults.planted import fault

# A pickle, protocol 2, of the word “model”: what its bytes begin with is all that is looked at.
PICKLE = b"\x80\x02X\x05\x00\x00\x00modelq\x00."


def filed(folder: Path, content: bytes | None = None, **given: Any) -> Case:
    """The sound case with an artifact on disk, registered as it is."""
    content = logistic() if content is None else content
    path = folder / "model.onnx"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return replace(worlds.base(), artifact=Artifact(path, "onnx", digest, SIGNATURE, **given))


def artifact_of(case: Case) -> Artifact:
    """The artifact of a case that has one."""
    assert case.artifact is not None
    return case.artifact


@fault("a pickle in disguise", "sec.format", sound=filed)
def pickled(case: Case, folder: Path) -> Case:
    return filed(folder, PICKLE)


@fault("a tampered file", "sec.digest", sound=filed)
def tampered(case: Case, folder: Path) -> Case:
    artifact_of(case).path.write_bytes(logistic(slope=-2.0))
    return case


def skops(folder: Path) -> Case:
    """The sound case with a model in a skops file: an archive of arrays and the description of how they fit."""
    from skops.io import dumps

    content = dumps(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))
    case = filed(folder, content)
    return replace(case, artifact=replace(artifact_of(case), format="skops"))


class Hidden:
    """Pickled, it is a call of the system's shell."""

    def __reduce__(self) -> Any:
        return os.system, ("true",)


@fault("a call of the system among the arrays", "sec.scanner", sound=skops)
def hidden_call(case: Case, folder: Path) -> Case:
    with zipfile.ZipFile(artifact_of(case).path, "a") as archive, archive.open("7.npy", "w") as member:
        np.save(member, np.array([Hidden()], dtype=object), allow_pickle=True)
    return case


@fault("a file cut short", "sec.graph", sound=filed)
def cut_short(case: Case, folder: Path) -> Case:
    return filed(folder, logistic()[:-40])


@fault("weights outside the file", "sec.graph", sound=filed)
def outside(case: Case, folder: Path) -> Case:
    return filed(folder, hostile.HOSTILE["external weights"][0]().SerializeToString())


@fault("a loop without an end", "sec.graph", sound=filed)
def endless(case: Case, folder: Path) -> Case:
    return filed(folder, hostile.HOSTILE["endless loop"][0]().SerializeToString())


@fault("another signature than registered", "sec.graph", sound=filed)
def other_signature(case: Case, folder: Path) -> Case:
    inputs = [*SIGNATURE["inputs"], {"name": "weather", "type": "string", "nullable": True}]
    return replace(case, artifact=replace(artifact_of(case), signature={**SIGNATURE, "inputs": inputs}))


class Opening:
    """A model that takes its time to open."""

    def __init__(self, inner: Any, seconds: float) -> None:
        self.inner, self.seconds, self.opened = inner, seconds, False

    def reopened(self) -> Opening:
        return Opening(self.inner, self.seconds)

    def predict(self, columns: Columns) -> Mapping[str, Array]:
        if not self.opened:
            time.sleep(self.seconds)
            self.opened = True
        answer: Mapping[str, Array] = self.inner.predict(columns)
        return answer


@fault("a model that takes long to open", "lat.cold", sound=lambda _: opening(0.0), limits=Limits(None, 200.0))
def slow_to_open(case: Case, folder: Path) -> Case:
    return opening(0.3)


def opening(seconds: float) -> Case:
    """The sound case with a model that opens in so many seconds."""
    case = worlds.base()
    return replace(case, model=Opening(case.model, seconds))


class Greedy(Opening):
    """A model that holds so many megabytes once it is open."""

    def __init__(self, inner: Any, size: int) -> None:
        super().__init__(inner, 0.0)
        self.size, self.held = size, np.zeros(0)

    def reopened(self) -> Greedy:
        return Greedy(self.inner, self.size)

    def predict(self, columns: Columns) -> Mapping[str, Array]:
        self.held = np.ones(self.size * 125_000)
        return super().predict(columns)


@fault("a model that fills the memory", "lat.memory", sound=lambda _: opening(0.0), limits=Limits(None, 150.0))
def greedy(case: Case, folder: Path) -> Case:
    return replace(case, model=Greedy(worlds.base().model, 200))


def promised(ms: float) -> Case:
    """The sound case, and an endpoint that has to answer in so many milliseconds."""
    case = worlds.base()
    return replace(case, facts={**case.facts, "objectives": [{"endpoint": "late-flights", "ms": ms}]})


@fault("an endpoint that needs it faster", "lat.objective", sound=lambda _: promised(10_000.0), calls=20)
def too_slow_for_its_endpoint(case: Case, folder: Path) -> Case:
    return promised(0.01)


@fault("a file that is too large", "lat.size", sound=filed)
def large(case: Case, folder: Path) -> Case:
    with artifact_of(case).path.open("r+b") as handle:
        handle.truncate(400_000_000)
    return case


def section(case: Case, **changed: Any) -> Case:
    """The case with one section of its documents changed."""
    documents = [*case.facts["documents"]]
    documents[0] = {**documents[0], **changed}
    return replace(case, facts={**case.facts, "documents": documents})


@fault("a library with a known hole", "sec.dependencies")
def known_hole(case: Case, folder: Path) -> Case:
    advisory = {"id": "PYSEC-2024-110", "affected": [{"package": {"ecosystem": "PyPI", "name": "scikit-learn"}}]}
    advisory["affected"][0]["ranges"] = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.8"}]}]
    told = case.facts["dependencies"]
    found = advisories.affecting(told["packages"], iter([advisory]))
    return replace(case, facts={**case.facts, "dependencies": {**told, "found": found}})


@fault("a stale card", "doc.freshness")
def stale_card(case: Case, folder: Path) -> Case:
    return section(case, stale=True, note="the purpose changed on 2026-03-01")


@fault("a card with an empty section", "doc.completeness")
def empty_section(case: Case, folder: Path) -> Case:
    return section(case, filled=False)


def without(case: Case, *keys: str) -> Case:
    """The case without some of what answers rule books."""
    told = [{**one, "known": one["known"] and one["key"] not in keys} for one in case.facts["evidence"]]
    return replace(case, facts={**case.facts, "evidence": told})


@fault("a high-risk system that nobody can overrule", "doc.eu_ai_act")
def nobody_overrules(case: Case, folder: Path) -> Case:
    return without(case, "card:oversight")


@fault("a model assessed by who built it", "doc.nist_ai_rmf")
def assessed_by_builder(case: Case, folder: Path) -> Case:
    return without(case, "plan:independent")


@fault("a model whose limits nobody wrote down", "doc.sr_26_2")
def limits_unwritten(case: Case, folder: Path) -> Case:
    return without(case, "card:limitations")


@fault("a system whose data nobody assessed", "doc.iso_42001")
def data_unassessed(case: Case, folder: Path) -> Case:
    return without(case, "lineage:fitness")


@fault("an origin nobody knows", "doc.lineage")
def unknown_origin(case: Case, folder: Path) -> Case:
    lineage = [{**case.facts["lineage"][0], "known": False}, *case.facts["lineage"][1:]]
    return replace(case, facts={**case.facts, "lineage": lineage})
