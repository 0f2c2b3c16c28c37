"""Is the artifact safe and unchanged? Read without running: its format, its graph, its digest."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.core.canonical import sha256_of
from apps.validation.engine.arrays import Array, Floats, Line
from apps.validation.engine.base import (
    TIERS,
    CannotRun,
    Check,
    Family,
    Kind,
    Limits,
    Measured,
    Need,
    Sense,
    Titles,
    table,
)
from apps.validation.engine.case import Artifact, Case, ask
from apps.validation.engine.intervals import bootstrap
from apps.validation.engine.metrics import METRICS, Prediction

NONE_ALLOWED = {"low": Limits(0.0), "limited": Limits(0.0), "high": Limits(0.0)}


class SecurityCheck(Check):
    """What the checks of an artifact share: they count reasons against it, and one is enough."""

    family = Family.SECURITY
    metric = "number of reasons against the artifact"
    sense = Sense.AT_MOST
    needs = frozenset({Need.ARTIFACT})
    limits = NONE_ALLOWED
    all_well = "Nothing speaks against it."

    def reasons(self, artifact: Artifact) -> tuple[list[str], list[str]]:
        """What speaks against the artifact, and what is worth knowing."""
        raise NotImplementedError

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The count, and each reason as a row."""
        if case.artifact is None:
            raise CannotRun(case.why_absent(Need.ARTIFACT))
        reasons, notes = self.reasons(case.artifact)
        rows: list[Line] = [{"reason": reason} for reason in reasons]
        return Measured(
            float(len(reasons)),
            reasons[0] if reasons else self.all_well,
            tables=[table("Reasons against it", rows, reason=("reason", "text"))] if rows else [],
            notes=notes,
            rows_used=0,
        )


class Format(SecurityCheck):
    """The file is what it says it is, and of a kind that cannot run code when it is opened."""

    key = "sec.format"
    blind = True
    tiers = TIERS
    title = "Format"
    question = "Is the file what it was registered as, and a format that runs no code?"
    source = "own format rule; pickle and its kin are programs (CWE-502)"
    all_well = "The file is of the registered format, which runs no code when it is opened."

    def reasons(self, artifact: Artifact) -> tuple[list[str], list[str]]:
        """The format by the file's own bytes against the registered one."""
        from apps.models.engine import formats

        found = formats.detect(artifact.path)
        if found not in formats.ACCEPTED:
            return [formats.refusal(found, f"model.{artifact.format}")], []
        if found != artifact.format:
            return [f"The file is {formats.TITLES[found]}, but it is registered as {artifact.format}."], []
        return [], []


class Graph(SecurityCheck):
    """The static gate: nothing outside the file, no foreign operators, no loops, and the registered signature."""

    key = "sec.graph"
    blind = True
    tiers = TIERS
    title = "Graph"
    question = "Does the model stay within its file, the standard and its signature?"
    source = "ONNX security notes; the portal's static gate, read without running"
    all_well = "The static gate found nothing that stops the file."

    def reasons(self, artifact: Artifact) -> tuple[list[str], list[str]]:
        """The gate's findings and the signature's mismatches."""
        report = examined(artifact)
        stops = [finding.sentence for finding in report.findings if finding.severity == "stop"]
        return stops, [finding.sentence for finding in report.findings if finding.severity != "stop"]


class Digest(SecurityCheck):
    """The bytes are those that were registered."""

    key = "sec.digest"
    blind = True
    tiers = TIERS
    title = "Digest"
    question = "Is the file byte for byte the one that was registered?"
    source = "FIPS 180-4 (SHA-256)"
    all_well = "The file's SHA-256 is the registered one."

    def reasons(self, artifact: Artifact) -> tuple[list[str], list[str]]:
        """The digest of the file against the registered one."""
        found = sha256_of(artifact.path)
        if found != artifact.sha256:
            return [f"The file has the SHA-256 {found}, registered is {artifact.sha256}."], []
        return [], [f"SHA-256 {found}"]


def examined(artifact: Artifact) -> Any:
    """The gate's report on an artifact, its signature held against the graph where it has one."""
    from apps.models.engine import artifacts, gate, skops_models
    from apps.models.engine.signatures import Signature

    if artifact.format == "onnx":
        report = gate.examine(artifact.path.read_bytes(), allow=tuple(artifact.allow))
        if report.passes:
            artifacts.match(Signature.from_json(artifact.signature), report.graph, report)
        return report
    report = gate.Report()
    if artifact.format == "skops":
        skops_models.examine(artifact.path, report)
    else:
        report.stop("format", f"Models of the format {artifact.format} are not opened.")
    return report


class Dependencies(Check):
    """The libraries a model was made with, against published advisories."""

    key = "sec.dependencies"
    family = Family.SECURITY
    title = "Known vulnerabilities"
    question = "Were the libraries it was trained with known to be vulnerable?"
    metric = "number of published advisories that name a version the training used"
    unit = "count"
    source = "Open Source Vulnerability format 1.6 (osv.dev); CWE-1395"
    sense = Sense.AT_MOST
    tiers = TIERS
    needs = frozenset({Need.ADVISORIES})
    limits = {"low": Limits(None, 0.0), "limited": Limits(None, 0.0), "high": Limits(0.0, None)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The count, with each advisory and the version in which it is fixed."""
        told = case.fact("dependencies")
        found, packages = list(told["found"]), told["packages"]
        titles: Titles = {
            "package": ("package", "text"),
            "version": ("version", "text"),
            "id": ("advisory", "text"),
            "summary": ("about", "text"),
            "fixed": ("fixed in", "text"),
        }
        names = sorted({f"{one['package']} {one['version']}" for one in found})
        none = f"No advisory names a version of the {len(packages)} libraries it was trained with."
        return Measured(
            float(len(found)),
            f"Advisories against it: {len(found)}, about {', '.join(names)}." if found else none,
            tables=[table("Advisories", found, **titles)] if found else [],
            notes=[f"Looked for in {told['source']}, SHA-256 {told['sha256']}."] if "sha256" in told else [],
            rows_used=0,
        )


class Membership(Check):
    """Whether the model betrays who was in its training rows."""

    key = "sec.membership"
    family = Family.SECURITY
    title = "Membership in training"
    question = "Can somebody tell from the answers who was in the training rows?"
    metric = "ROC AUC with which the error of a row tells training rows from test rows"
    source = "membership inference by loss (Yeom et al. 2018)"
    sense = Sense.AT_MOST
    needs = frozenset({Need.TRAIN})
    limits = {"low": Limits(None, 0.75), "limited": Limits(0.90, 0.65), "high": Limits(0.75, 0.60)}
    max_rows = 20_000

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The AUC with its interval; one half is what a model gives that betrays nothing."""
        train = case.training.sample(self.max_rows, case.seed)
        losses = [errors_of(case, ask(case.model, train), train.truth), errors_of(case, case.said, case.test.truth)]
        loss = np.concatenate(losses)
        known = np.r_[np.ones(len(losses[0])), np.zeros(len(losses[1]))]
        area = METRICS["auc"].prepare(known, Prediction(-loss, known))
        value = area(np.ones(len(loss)))
        sentence = f"Training rows are told from test rows by their error with a ROC AUC of {value:.3f}."
        return Measured(value, sentence, bootstrap(area, len(loss), case.seed, 100))


def errors_of(case: Case, said: Prediction, truth: Array) -> Floats:
    """How wrong each answer is: the distance to the truth, or the doubt in the right class where there are several."""
    if case.kind is not Kind.MULTICLASS:
        return np.abs(np.asarray(truth, dtype=float) - said.score)
    if said.chances is None:
        return np.asarray(np.where(said.label == truth, 1 - said.score, said.score))
    return np.asarray(1 - said.chances[np.arange(len(truth)), truth.astype(int)])


CHECKS = (Format, Graph, Digest, Dependencies, Membership)
