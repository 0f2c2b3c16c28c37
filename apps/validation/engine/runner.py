"""Run a plan on a case, one check after the other, each result handed on as soon as it is there."""

from __future__ import annotations

import time
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

import numpy as np

from apps.core.sandbox import Job, classify, sandboxed
from apps.validation.engine.base import (
    SILENT,
    Bound,
    CannotRun,
    Check,
    Interval,
    Limits,
    Measured,
    Result,
    Sense,
    Verdict,
    figure_judged,
    worst,
)
from apps.validation.engine.case import Case
from apps.validation.engine.plans import Item
from apps.validation.engine.registry import Registry, registry

LIBRARIES = ("numpy", "scipy", "scikit-learn", "pyarrow", "onnx", "onnxruntime", "lightgbm", "skops", "picklescan")


def run_item(case: Case, item: Item, known: Registry | None = None) -> Result:
    """The result of one line; whatever keeps the check from running becomes its reason, never a pass."""
    start = time.perf_counter()
    known = known or registry()
    try:
        check = known.get(item.key)()
    except KeyError as error:  # it was there when the plan was locked
        gone = f"{error.args[0]} The package that brought it is not installed where checks run."
        return _not_run(case, item, " ".join([gone, *known.problems[:3]])[:500], start)
    try:
        missing = sorted(check.needs - case.given)
        if not check.goes_with(case.used_as, case.kind):
            raise CannotRun(f"This check cannot be put to a {case.used_as} model.")
        if missing:
            raise CannotRun(" ".join(case.why_absent(need) for need in missing))
        narrowed = case.narrowed(check.max_rows)
        measured = check.measure(narrowed, **dict(item.parameters))
        return _judged(case, item, check, measured, len(narrowed.test), start)
    except CannotRun as reason:
        return _not_run(case, item, str(reason), start, check, reason.verdict)
    except Exception as error:  # a check that breaks costs its own result, not the run
        code, sentence = classify(error)
        if code == "failed":
            traceback.print_exc()
            sentence = f"The check stopped with an error. {type(error).__name__}: {error}"[:500]
        return _not_run(case, item, sentence, start, check)


def _judged(case: Case, item: Item, check: Check, measured: Measured, rows: int, start: float) -> Result:
    verdict, sentence = judge(measured, item.limits, item.judged, check.sense)
    notes = list(measured.notes)
    if rows < len(case.test):
        notes.append(f"Measured on {rows:,} of {len(case.test):,} rows, drawn with seed {case.seed}.")
    if check.informs:
        notes.append("This only informs: the verdict of the run does not look at it.")
    return Result(
        name=item.name,
        key=item.key,
        verdict=verdict,
        value=float(measured.value),
        interval=measured.interval,
        limits=item.limits,
        sense=check.sense,
        judged=item.judged,
        sentence=sentence,
        parameters=item.parameters,
        evidence=_evidence(case, measured, notes),
        rows_used=rows if measured.rows_used is None else measured.rows_used,
        rows_total=len(case.test),
        seed=case.seed,
        seconds=time.perf_counter() - start,
    )


def judge(measured: Measured, limits: Limits, bound: Bound, sense: Sense) -> tuple[Verdict, str]:
    """The verdict of a measurement against thresholds, and its sentence; CannotRun where there is nothing to judge."""
    by_limits = limits.verdict(figure_judged(measured, bound), sense)
    verdict = worst([by_limits, measured.at_best])
    # Where not the figure but what could not be judged decides, the reader is told in the same breath.
    return verdict, " ".join([measured.sentence, *(measured.notes[:1] if verdict is not by_limits else [])])


def judge_again(stored: Mapping[str, Any], limits: Limits, bound: Bound) -> tuple[Verdict, str]:
    """The verdict of a kept measurement against other thresholds, and its sentence.

    `stored`: value, low and high (None where there is no interval), sense, and of its evidence at_best (None where it
    was reported from outside), sentence and notes. CannotRun where it has no figure, or not the one to be judged.
    """
    value, low, high = stored["value"], stored["low"], stored["high"]
    if value is None:
        raise CannotRun("There is no figure.")
    measured = Measured(
        value=value,
        sentence=stored.get("sentence") or "",
        interval=None if low is None or high is None else Interval(low, high),
        notes=stored.get("notes") or (),
        at_best=Verdict(stored["at_best"] or Verdict.PASSED),
    )
    return judge(measured, limits, bound, Sense(stored["sense"]))


def _evidence(case: Case, measured: Measured, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "sentence": measured.sentence,
        "at_best": measured.at_best.value,
        "tables": [asdict(table) for table in measured.tables],
        "figures": [asdict(figure) for figure in measured.figures],
        "rows": case.test.named(measured.offending_rows),
        "named_by": case.test.named_by,
        "notes": list(notes),
    }


def _not_run(
    case: Case,
    item: Item,
    reason: str,
    start: float,
    check: Check | None = None,
    verdict: Verdict = Verdict.NOT_RUN,
) -> Result:
    return Result(
        name=item.name,
        key=item.key,
        verdict=verdict,
        limits=item.limits,
        sense=check.sense if check else Sense.AT_LEAST,
        judged=item.judged,
        reason=reason,
        parameters=item.parameters,
        rows_used=0,
        rows_total=len(case.test),
        seed=case.seed,
        seconds=time.perf_counter() - start,
    )


def walk(
    case: Case, items: Sequence[Item], done: Collection[str] = (), known: Registry | None = None
) -> Iterator[Result]:
    """The results of the lines that are not done yet, one at a time, in the plan's order."""
    for item in items:
        if item.name not in done:
            yield run_item(case, item, known)


def overall(verdicts: Sequence[tuple[Verdict, bool]]) -> Verdict:
    """The verdict of a run from its checks' verdicts and whether each was required.

    Failed when a check failed; not_run or too_small when a required check said nothing; warned when one warned; else
    passed. A check that had nothing to ask, or was not required and said nothing, counts neither way: it is in the
    report with its reason.
    """
    counted = [verdict for verdict, required in verdicts if required or verdict not in SILENT]
    return worst([verdict for verdict in counted if verdict is not Verdict.NOTHING])


def libraries() -> dict[str, str]:
    """The versions of what computed the results."""
    found = {"python": python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@sandboxed
def validate(job: Job) -> dict[str, Any]:
    """Inside the child: load the model and the rows once, run the plan's lines that are not done, hand on each result.

    Payload: model and champion {format, sha256, signature, allow, name}, kind, items, done (names), seed, max_rows,
    roles {time, series, horizon, group: column, attributes: columns}, identifiers (the columns that name a test row),
    slices {name: where}, facts, absent {need: why}.
    Inputs: model, test, and where there are such train, champion, reference and stress.
    """
    from apps.validation.engine.loading import load_case

    np.random.seed(job.payload["seed"] % 2**32)
    items = [Item.from_json(line) for line in job.payload["items"]]
    done = set(job.payload.get("done", ()))
    job.progress(len(done), len(items), "Loading model and rows")
    case, said = load_case(job)
    for number, item in enumerate((item for item in items if item.name not in done), len(done) + 1):
        job.progress(number - 1, len(items), f"Check {number} of {len(items)}: {item.name}")
        job.tell({"begun": item.name})
        job.tell({**run_item(case, item).as_json(), "layer": job.layer})
    job.progress(len(items), len(items), "All checks are done")
    return {"libraries": libraries(), "rows": said}
