"""Model cards: facts from the records beside parts written by people; as JSON, and as Markdown with a front matter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "tenure-model-card/1"


@dataclass(frozen=True)
class Part:
    """One part that a person writes: key, heading, the question it answers, and whether a complete card needs it."""

    key: str
    heading: str
    question: str
    required: bool = True


PARTS: tuple[Part, ...] = (
    Part("intended_use", "Intended use", "Which decision does the model support, for whom, and how is its score used?"),
    Part("out_of_scope", "Out of scope", "What must it not be used for?"),
    Part("limitations", "Limitations", "Where is it known to be weak: groups, seasons, ranges, missing data?"),
    Part(
        "ethics", "Fairness and ethics", "Who could be treated worse by it, what was looked at, what is done about it?"
    ),
    Part("oversight", "Human oversight", "Who watches it, who may overrule it, and how?"),
    Part("contact", "Contact", "Who answers questions?", required=False),
    Part("notes", "Further notes", "Anything else a reader should know.", required=False),
)
KEYS = tuple(part.key for part in PARTS)


def missing(written: Mapping[str, str]) -> list[Part]:
    """The required parts that nobody has written yet."""
    return [part for part in PARTS if part.required and not (written.get(part.key) or "").strip()]


def card(records: Mapping[str, Any], written: Mapping[str, str]) -> dict[str, Any]:
    """The card as JSON.

    `records`: model {organization, project, key, name, kind, description, owner}, version {number, state, created_at,
    created_by, sha256, format, size}, data {name, version, sha256, rows, ...} or None, run (the record of training) or
    None, signature.
    """
    run = records.get("run") or {}
    return {
        "format": FORMAT,
        "model": dict(records["model"]),
        "version": dict(records["version"]),
        "written": {part.key: (written.get(part.key) or "").strip() for part in PARTS},
        "complete": not missing(written),
        "missing": [part.key for part in missing(written)],
        "signature": records.get("signature"),
        "data": records.get("data"),
        "training": {
            key: run.get(key)
            for key in ("chosen", "parameters", "metric", "candidates", "data", "conversion", "libraries", "notes")
        }
        if run
        else None,
        "recipe": run.get("recipe"),
        "metrics": run.get("metrics"),
        "importance": run.get("importance"),
    }


def markdown(content: Mapping[str, Any]) -> str:
    """The card as Markdown with the front matter that model hubs read."""
    sections = [_front_matter(content), _head(content)]
    sections += [_written(content, part) for part in PARTS]
    sections += [_inputs(content), _data(content), _training(content), _metrics(content), _importance(content)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _plain(text: Any) -> str:
    """Foreign text on one line, without what Markdown or a table would read as a sign."""
    line = " ".join(str(text).split())
    for sign in "\\`*_[]<>|#":
        line = line.replace(sign, f"\\{sign}")
    return line


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [
        head,
        ["---"] * len(head),
        *([cell if isinstance(cell, str) else _number(cell) for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _front_matter(content: Mapping[str, Any]) -> str:
    """YAML between rules; JSON strings are YAML strings, so nothing in a name can break out."""
    model, test = content["model"], (content.get("metrics") or {}).get("test") or {}
    lines = [
        "---",
        f"model_name: {json.dumps(str(model['name']))}",
        f"version: {content['version']['number']}",
        "tags:",
    ]
    lines += ["- tenure", f"- {json.dumps(str((content.get('signature') or {}).get('task', 'unknown')))}"]
    if test:
        lines += ["model-index:", f"- name: {json.dumps(str(model['name']))}", "  results:"]
        lines += ["  - metrics:"]
        for name, value in sorted(test.items()):
            lines += [f"    - type: {json.dumps(name)}", f"      value: {value}"]
    return "\n".join([*lines, "---"])


def _head(content: Mapping[str, Any]) -> str:
    model, version = content["model"], content["version"]
    rows = [
        ["Project", _plain(model["project"])],
        ["State", _plain(version["state"])],
        ["Registered", f"{_plain(version['created_at'])} by {_plain(version['created_by'])}"],
        ["Artifact", f"{_plain(version['format'])}, {version['size']} bytes, SHA-256 {version['sha256']}"],
    ]
    description = f"\n\n{_plain(model['description'])}" if model.get("description") else ""
    return f"# {_plain(model['name'])}, version {version['number']}{description}\n\n{_table(['', ''], rows)}"


def _written(content: Mapping[str, Any], part: Part) -> str:
    """A written part; its paragraphs are kept, its signs are not interpreted."""
    text = content["written"].get(part.key, "")
    if not text:
        return f"## {part.heading}\n\n*Not written yet.* {part.question}" if part.required else ""
    paragraphs = [_plain(paragraph) for paragraph in text.replace("\r\n", "\n").split("\n\n") if paragraph.strip()]
    return f"## {part.heading}\n\n" + "\n\n".join(paragraphs)


def _inputs(content: Mapping[str, Any]) -> str:
    signature = content.get("signature")
    if not signature:
        return ""
    rows = [
        [_plain(column["name"]), column["type"], "yes" if column.get("nullable", True) else "no"]
        for column in signature["inputs"]
    ]
    classes = ", ".join(_plain(value) for value in signature.get("classes") or [])
    said = f"Target {_plain(signature['target'])}" + (f", classes {classes}" if classes else "")
    threshold = signature.get("threshold")
    decided = f" A score of at least {_number(threshold)} is called the last class." if threshold is not None else ""
    return f"## Inputs and outputs\n\n{said}.{decided}\n\n{_table(['Input', 'Type', 'May be empty'], rows)}"


def _data(content: Mapping[str, Any]) -> str:
    data = content.get("data")
    if not data:
        return "## Training data\n\nThe artifact was uploaded; no training data are on record."
    rows = [[_plain(key.replace("_", " ")), _plain(value)] for key, value in data.items()]
    return f"## Training data\n\n{_table(['', ''], rows)}"


def _training(content: Mapping[str, Any]) -> str:
    training = content.get("training")
    if not training:
        return ""
    rows = [
        [_plain(row["name"]), _plain(row["estimator"]), _number(row["mean"]), _number(row["sd"])]
        for row in training["candidates"] or []
    ]
    head = ["Candidate", "Estimator", f"{_plain(training['metric'])}, mean of folds", "Standard deviation"]
    proof = training["conversion"] or {}
    exact = (
        f"\n\nExported to ONNX and compared on {proof['rows']} held-out rows: worst difference "
        f"{proof['worst_difference']:.1e}, {proof['label_flips']} labels differ."
        if proof
        else ""
    )
    return f"## Training\n\nChosen: {_plain(training['chosen'])}.\n\n{_table(head, rows)}{exact}"


def _metrics(content: Mapping[str, Any]) -> str:
    metrics = content.get("metrics") or {}
    if not metrics:
        return ""
    names = sorted(set(metrics.get("train", {})) | set(metrics.get("test", {})))
    rows = [[_plain(name), metrics.get("train", {}).get(name), metrics.get("test", {}).get(name)] for name in names]
    return f"## Figures\n\n{_table(['Metric', 'Training rows', 'Test rows'], rows)}"


def _importance(content: Mapping[str, Any]) -> str:
    importance = content.get("importance") or []
    if not importance:
        return ""
    rows = [[_plain(item["feature"]), item["drop"], item["sd"]] for item in importance[:20]]
    head = ["Feature", "Loss when shuffled", "Standard deviation"]
    return f"## What the features contribute\n\n{_table(head, rows)}"
