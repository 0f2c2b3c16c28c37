"""The questionnaire that gives a use its tier: kept as data, one file a version, never changed once published."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "questionnaires"
KEY = "risk-tier"
TIERS = ("low", "limited", "high", "prohibited")
NONE = "none"  # the answer of a many-answers question that excludes the others

Answers = Mapping[str, str | Sequence[str]]


class WrongAnswers(ValueError):
    """Some questions are not answered, or not with one of their answers; `fields` says which and why."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("Answer every question.")
        self.fields = fields


@dataclass(frozen=True)
class Answer:
    """One answer to choose, the tier it leads to at least, and why."""

    key: str
    text: str
    tier: str
    reason: str


@dataclass(frozen=True)
class Question:
    """One question; `many` lets several answers be chosen."""

    key: str
    text: str
    help: str
    many: bool
    answers: tuple[Answer, ...]

    def chosen(self, given: str | Sequence[str] | None) -> list[Answer]:
        """The answers given; raises ValueError with a sentence when they do not fit."""
        keys = [given] if isinstance(given, str) else list(given or ())
        if not keys or keys == [""]:
            raise ValueError("Choose an answer.")
        known = {answer.key: answer for answer in self.answers}
        if any(key not in known for key in keys):
            raise ValueError(f"Choose from: {', '.join(known)}.")
        if len(keys) > 1 and (not self.many or NONE in keys):
            raise ValueError("“None of these” goes alone." if self.many else "Choose one answer.")
        return [known[key] for key in dict.fromkeys(keys)]


@dataclass(frozen=True)
class Rule:
    """A tier that several answers give together."""

    when: Mapping[str, Sequence[str]]
    tier: str
    reason: str

    def applies(self, chosen: Mapping[str, list[Answer]]) -> bool:
        """Whether every question it names was answered in one of its ways."""
        return all(any(answer.key in keys for answer in chosen[name]) for name, keys in self.when.items())


@dataclass(frozen=True)
class Verdict:
    """The tier, and what gave it: dicts of tier, question (or None for a rule) and reason, strictest first."""

    tier: str
    reasons: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Questionnaire:
    """One published version."""

    key: str
    version: str
    title: str
    intro: str
    renews: tuple[str, ...]  # tiers in which a changed promise needs its approval again
    questions: tuple[Question, ...]
    rules: tuple[Rule, ...]
    content_hash: str

    def assess(self, answers: Answers) -> Verdict:
        """The tier that these answers give, with the reasons; raises WrongAnswers."""
        chosen = self._chosen(answers)
        reasons = list(self._reasons(chosen))
        tier = max((reason["tier"] for reason in reasons), key=TIERS.index, default=TIERS[0])
        ordered = sorted(reasons, key=lambda reason: -TIERS.index(reason["tier"]))
        return Verdict(tier, tuple(ordered))

    def words(self, answers: Answers) -> list[tuple[str, list[str]]]:
        """Questions and answers as people read them."""
        return [
            (question.text, [answer.text for answer in question.chosen(answers.get(question.key))])
            for question in self.questions
        ]

    def _chosen(self, answers: Answers) -> dict[str, list[Answer]]:
        chosen, wrong = {}, {}
        for question in self.questions:
            try:
                chosen[question.key] = question.chosen(answers.get(question.key))
            except (ValueError, TypeError) as error:
                wrong[question.key] = str(error)
        unknown = set(answers) - {question.key for question in self.questions}
        wrong |= dict.fromkeys(sorted(unknown), "This questionnaire does not ask that.")
        if wrong:
            raise WrongAnswers(wrong)
        return chosen

    def _reasons(self, chosen: Mapping[str, list[Answer]]) -> Iterator[dict[str, Any]]:
        for name, given in chosen.items():
            for answer in given:
                if answer.reason:
                    yield {"tier": answer.tier, "question": name, "reason": answer.reason}
        for rule in self.rules:
            if rule.applies(chosen):
                yield {"tier": rule.tier, "question": None, "reason": rule.reason}


@cache
def load(version: str) -> Questionnaire:
    """One version by its number; raises LookupError for one that was never published."""
    if version not in versions():
        raise LookupError(f"There is no questionnaire version {version}.")
    raw = (FOLDER / f"{KEY}-{version}.json").read_bytes()
    data = json.loads(raw)
    return Questionnaire(
        key=data["key"],
        version=data["version"],
        title=data["title"],
        intro=data["intro"],
        renews=tuple(data["renews"]),
        questions=tuple(_question(question) for question in data["questions"]),
        rules=tuple(Rule(**rule) for rule in data["rules"]),
        content_hash=hashlib.sha256(raw).hexdigest(),
    )


@cache
def versions() -> tuple[str, ...]:
    """The published versions, oldest first."""
    found = [path.stem.removeprefix(f"{KEY}-") for path in FOLDER.glob(f"{KEY}-*.json")]
    return tuple(sorted(found, key=int))


def newest() -> Questionnaire:
    """The version in force."""
    return load(versions()[-1])


def _question(data: dict[str, Any]) -> Question:
    return Question(**{**data, "answers": tuple(Answer(**answer) for answer in data["answers"])})
