"""The validation report on paper: the record of a run and the evidence of its results, and nothing of the hour."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from apps.core import documents
from apps.core.canonical import content_hash
from apps.core.formats import NOTHING, duration, number, shorten, size
from apps.core.meanings import meaning_of
from apps.organizations.roles import OrganizationRole, ProjectRole
from apps.validation import report
from apps.validation.models import CheckResult, FindingState, Measurement, Outcome, Severity, Verdict, WaiverState
from apps.validation.records import Record

TEMPLATE = "validation/report.typ"
ROWS_PRINTED = 30
WIDEST = 7  # columns that fit side by side in the usual size


def pdf(record: Record, results: Iterable[Measurement]) -> bytes:
    """The report as PDF. The same record and results give the same bytes: its date is theirs."""
    return documents.pdf(TEMPLATE, said(record, results), _dated(record))


def _dated(record: Record) -> dt.datetime:
    """When what it says was said: the conclusion, or the end of the run."""
    concluded, run = record["conclusion"], record["run"]
    moment = concluded["at"] if concluded else run["finished_at"] or run["started_at"] or record["plan"]["locked_at"]
    return dt.datetime.fromisoformat(moment).replace(microsecond=0)


def said(record: Record, results: Iterable[Measurement]) -> Record:
    """The data of the template: texts and drawings only."""
    results = list(results)
    evidence = {one.name: one.evidence or {} for one in results if isinstance(one, CheckResult)}
    version, run = record["version"], record["run"]
    return {
        "title": f"Validation report: {version['label']}",
        "organization": record["organization"]["name"],
        "mark": f"Validation {run['number']} · plan {record['plan']['hash'][:12]}",
        "facts": _facts(record),
        "conclusion": _conclusion(record),
        "counts": _counts(record["checks"]),
        "summary": _summary(record["checks"]),
        "findings": [finding(one) for one in record["findings"]],
        "challenges": _challenges(record),
        "own": _own_checks(record, results),
        "sections": _sections(record["checks"], evidence),
        "sources": _sources(record),
        "libraries": _pairs(["Library", "Version"], sorted(run["libraries"].items())),
        "process": _process(record),
        "people": _people(record),
        "definitions": _definitions(record["checks"]),
    }


def _table(
    heads: Sequence[str], rows: list[list[Any]], right: Sequence[int] = (), wide: Sequence[int] = (0,)
) -> Record:
    return {"heads": list(heads), "rows": rows, "right": list(right), "wide": list(wide), "nothing": "None."}


def _pairs(heads: Sequence[str], pairs: Iterable[tuple[str, Any]]) -> Record:
    return _table(heads, [[name, str(value)] for name, value in pairs], wide=(1,))


def _state(choices: Any, value: str) -> Record:
    return {"label": str(choices(value).label), "meaning": meaning_of(value)}


def _when(moment: str | None) -> str:
    return f"{dt.datetime.fromisoformat(moment):%-d %b %Y, %H:%M} UTC" if moment else NOTHING


def _day(moment: str | None) -> str:
    return f"{dt.date.fromisoformat(moment):%-d %b %Y}" if moment else NOTHING


def _facts(record: Record) -> list[tuple[str, Any]]:
    version, plan, run = record["version"], record["plan"], record["run"]
    verdict = _state(Verdict, run["verdict"]) if run["verdict"] else NOTHING
    return [
        ("Model", f"{version['name']}, version {version['number']}"),
        ("Project", f"{version['project_title']}, {plan['tier_name'].lower()}"),
        ("Verdict of the checks", verdict),
        ("Conclusion", _concluded(record["conclusion"])),
        ("Ran", f"{_when(run['started_at'])} to {_when(run['finished_at'])}"),
        ("Validator", run["started_by"]["name"]),
        ("Artifact, SHA-256", version["artifact"]["sha256"]),
        ("Plan, SHA-256", plan["hash"]),
    ]


def _concluded(conclusion: Record | None) -> Any:
    return _state(Outcome, conclusion["outcome"]) if conclusion else "No conclusion yet"


def _conclusion(record: Record) -> Record | None:
    found = record["conclusion"]
    if found is None:
        return None
    return {
        "outcome": _state(Outcome, found["outcome"]),
        "statement": found["statement"],
        "conditions": found["conditions"],
        "signed": f"{found['by']['name']} ({found['by']['email']}), {_when(found['at'])}",
    }


def _counts(checks: list[Record]) -> Record:
    verdicts = [one.get("verdict") for one in checks]
    there = [choice for choice in Verdict if verdicts.count(choice.value)]
    row = [[str(verdicts.count(choice.value)) for choice in there]]
    return _table([str(choice.label) for choice in there], row if there else [], range(len(there)), range(len(there)))


def _title(check: Record) -> str:
    return report.title(check["title"], check["parameters"])


def _summary(checks: list[Record]) -> Record:
    rows = [
        [_title(one), _verdict(one), report.figure(one.get("value"), one["unit"]), _interval(one), _threshold(one)]
        for one in checks
    ]
    return _table(["Check", "Verdict", "Value", "Interval", "Threshold"], rows, [2, 3], (0, 4))


def _verdict(check: Record) -> Any:
    return _state(Verdict, check["verdict"]) if check.get("verdict") else "Not run yet"


def _interval(check: Record) -> str:
    return report.interval_words(SimpleNamespace(**check), check["unit"]) if check.get("verdict") else ""


def _threshold(check: Record) -> str:
    words = report.threshold_words(check["fail"], check["warn"], check["sense"], check["judged"], check["unit"])
    return words if check["required"] else f"{words}; not needed for the verdict"


def finding(one: Record) -> Record:
    """A finding of a record in words, with what was done about it and its waivers."""
    return {
        "title": f"F{one['number']} {one['title']}",
        "severity": _state(Severity, one["severity"]),
        "state": _state(FindingState, one["state"]),
        "facts": [(name, value) for name, value in _about(one) if value],
        "waivers": [_waiver(waiver) for waiver in one["waivers"]],
    }


def _about(one: Record) -> list[tuple[str, Any]]:
    retest, closed = one["retest"], one["closed_by"]
    by = f"by {one['check']} in validation {one['run']}" if one["check"] else f"by {one['raised_by']['name']}"
    return [
        ("Raised", by),
        ("What was found", one["description"]),
        ("Owner", f"{one['owner']['name']}, due {_day(one['due_on'])}"),
        ("Planned", one["action_plan"]),
        ("Done", one["remedy"]),
        ("Retest", f"{retest['run']}: {Verdict(retest['verdict']).label}" if retest else ""),
        ("Closed", f"{closed['name']}, {_when(one['closed_at'])}: {one['closing_note']}" if closed else ""),
    ]


def _waiver(waiver: Record) -> Record:
    roles = dict(ProjectRole.choices) | dict(OrganizationRole.choices)
    signed = [
        f"{one['name']} ({roles.get(one['role'], one['role'])}, {one['verdict']}, {_when(one['at'])})"
        for one in waiver["signatures"]
    ]
    return {
        "state": _state(WaiverState, waiver["state"]),
        "facts": [
            ("Until", _day(waiver["until"])),
            ("Reason", waiver["reason"]),
            ("Compensating control", waiver["compensating_control"]),
            ("Signatures", ", ".join(signed) or NOTHING),
        ],
    }


def _sections(checks: list[Record], evidence: Mapping[str, Any]) -> list[Record]:
    from apps.validation.engine.base import FAMILY_QUESTIONS

    return [
        {
            "question": question,
            "checks": [_check(one, evidence.get(one["name"], {})) for one in checks if one["family"] == family.value],
        }
        for family, question in FAMILY_QUESTIONS.items()
        if any(one["family"] == family.value for one in checks)
    ]


def _check(one: Record, found: Mapping[str, Any]) -> Record:
    rows = found.get("rows", [])
    only_places = bool(rows) and set(rows[0]) - {"id"} == {"row"}
    tables = [*map(report.table, found.get("tables", [])), *([] if only_places else report.rows_of(found))]
    value = report.figure(one.get("value"), one["unit"])
    interval = _interval(one)
    return {
        "title": _title(one),
        "question": one["question"],
        "verdict": _verdict(one),
        "sentence": one.get("sentence") or one.get("reason") or "Not run yet.",
        "figure": f"{value}, {interval}" if interval else value,
        "threshold": _threshold(one),
        "notes": [*filter(None, [one.get("reported")]), *found.get("notes", [])],
        "charts": _charts(one, found.get("figures", [])),
        "places": _places(found) if only_places else "",
        "tables": [_printed(shown) for shown in tables],
        "made": _made(one),
    }


def _charts(one: Record, figures: Sequence[Mapping[str, Any]]) -> Record:
    """The drawings by their shape: square ones stand side by side."""
    found: Record = {"square": [], "wide": []}
    for figure in figures:
        if (chart := report.draw(figure, SimpleNamespace(**one))) is not None:
            found["square" if figure["kind"] in {"curve", "scatter"} else "wide"].append(documents.picture(chart))
    return found


def _places(found: Mapping[str, Any]) -> str:
    """Rows of which nothing is told but where they are and what the data call them, in a line."""
    rows = [f"{row['row']} ({row['id']})" if row.get("id") else str(row["row"]) for row in found["rows"]]
    return f"{report.rows_title(found)}: {', '.join(rows)}."


def _made(one: Record) -> str:
    if not one.get("verdict"):
        return ""
    rows = f"{number(one['rows_used'])} of {number(one['rows_total'])} rows, " if one["rows_used"] else ""
    method = f"; interval: {one['interval_method']}" if one["interval_method"] else ""
    taken_over = f"; taken over from {one['from']}" if one["from"] else ""
    return f"{rows}seed {one['seed']}, {duration(one['seconds'])}{method}{taken_over}; evidence {one['evidence'][:16]}"


def _printed(shown: report.ShownTable) -> Record:
    """A table of the evidence, cut to what a reader of paper wants; the record has all of it."""
    rows = shown.rows[:ROWS_PRINTED]
    more = shown.more + len(shown.rows) - len(rows)
    right = [place for place, (_, is_figure) in enumerate(shown.columns) if is_figure]
    words = [place for place in range(len(shown.columns)) if place not in right]
    wide = words if len(shown.columns) < WIDEST and words else range(len(shown.columns))
    texts = [[shorten(text, 300) for text, _ in row] for row in rows]
    made = _table([title for title, _ in shown.columns], texts, right, wide)
    return {
        **made,
        "title": shown.title,
        "small": len(shown.columns) > WIDEST,
        "more": f"{number(more)} more rows are in the record." if more else "",
    }


def _sources(record: Record) -> Record:
    version, plan = record["version"], record["plan"]
    artifact = version["artifact"]
    rows = [["Artifact", f"{artifact['name']}, {artifact['format']}, {size(artifact['size'])}", artifact["sha256"]]]
    rows += [[f"{role.title()} data", one["name"], one["sha256"]] for role, one in sorted(plan["data"].items())]
    if plan["champion"]:
        rows.append(["Champion", plan["champion"]["label"], plan["champion"]["sha256"]])
    rows += [[one["title"], one["name"] or one["url"], one["sha256"] or None] for one in record.get("documents", [])]
    rows.append(["Plan", f"plan {plan['number']}, locked {_when(plan['locked_at'])}", plan["hash"]])
    if plan["template"]:
        rows.append(["Template", f"version {plan['template']['version']}", plan["template"]["hash"]])
    return _table(["What", "Which", "SHA-256"], rows, wide=(1, 2))


def _process(record: Record) -> list[tuple[str, str]]:
    run, made = record["run"], record["made_with"]
    read = [f"{role}: {number(one['used'])} of {number(one['rows'])}" for role, one in sorted(run["rows"].items())]
    took = [duration(run["seconds"]), f"{size(run['peak_memory'])} of memory at most" if run["peak_memory"] else ""]
    return [
        ("Walls of the process", run["layer"] or NOTHING),
        ("Walls it had not", " ".join(run["walls_missing"]) or "none"),
        ("Rows used", ", ".join(read) or NOTHING),
        ("Took", ", ".join(one for one in took if one) if run["seconds"] is not None else NOTHING),
        ("Report made with", ", ".join(f"{name} {version}" for name, version in sorted(made.items()))),
    ]


def _people(record: Record) -> Record:
    run, plan, conclusion = record["run"], record["plan"], record["conclusion"]
    rows = [[one["name"], one["email"], one["why"], NOTHING] for one in record["version"]["developers"]]
    done = [("locked the plan", plan["locked_by"], plan["locked_at"]), ("ran it", run["started_by"], run["started_at"])]
    if conclusion:
        done.append(("concluded", conclusion["by"], conclusion["at"]))
    signed = [(f"signed as {one['role'].lower()}: {one['statement']}", one) for one in record.get("signatures", [])]
    done += [(what, one["by"], one["at"]) for what, one in signed]
    rows += [[one["name"], one["email"], what, _when(at)] for what, one, at in done if one]
    return {
        **_table(["Who", "Address", "What", "When"], rows, wide=(0, 1)),
        "independence": f"{run['independence']} {_held(record)}".strip(),
    }


def _challenges(record: Record) -> Record:
    """Remarks and own tests; a record that was signed before there were any has none."""
    rows = [
        [
            f"{one['by']['name']}, {_when(one['created_at'])}",
            " ".join(part for part in (one["title"], one["check"] and f"on {one['check']}") if part) or "the whole run",
            one["text"],
            one["bearing_name"] or NOTHING,
            " ".join(part for part in (one["file_name"], one["sha256"][:16]) if part) or NOTHING,
        ]
        for one in record.get("challenges", [])
        if not one.get("own")
    ]
    return _table(["Who", "About", "What was said or done", "It says", "Evidence"], rows, wide=(2,))


def _own_checks(record: Record, results: Iterable[Measurement]) -> list[Record]:
    """The validator's own checks as sections show checks; their evidence is known by its digest, as names may recur."""
    evidence = {content_hash(one.evidence): one.evidence for one in results if not isinstance(one, CheckResult)}
    return [
        {**_check(one["own"], evidence.get(one["own"].get("evidence", ""), {})), "asked": _asked(one)}
        for one in record.get("challenges", [])
        if one.get("own")
    ]


def _asked(one: Record) -> str:
    return f"{one['by']['name']}, {_when(one['created_at'])}: {one['text']}"


def _held(record: Record) -> str:
    """Against whom each person was held, as it is on record."""
    told = []
    for one in record.get("independence", []):
        others = ", ".join(f"{other['person']} ({other['why']})" for other in one["against"]) or "nobody"
        told.append(f"{one['occasion']}: {one['person']['name']}, held against {others}.")
    return " ".join(told)


def _definitions(checks: list[Record]) -> Record:
    seen = {one["key"]: [one["title"], one["metric"], one["source"]] for one in checks}
    return _table(["Check", "What is measured", "Source"], list(seen.values()), wide=(0, 1, 2))
