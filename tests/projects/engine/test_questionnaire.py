"""The tier questionnaire: what its answers give, and that a published version never changes."""

import itertools

import pytest

from apps.projects.engine import questionnaire
from apps.projects.engine.questionnaire import TIERS, WrongAnswers

HARMLESS = {
    "practices": ["none"],
    "areas": ["none"],
    "persons": "nobody",
    "automation": "advice",
    "harm": "inconvenience",
    "reversal": "easily",
    "data": "none",
    "contact": "no",
}

# A published version is what decisions were taken on: change the questions by adding a file, never by editing one.
PUBLISHED = {"1": "bd65e8cb6f9b88434862207051f672c222ee341e31f6f92cd7a061160db0473f"}


def test_published_versions_are_unchanged():
    assert {version: questionnaire.load(version).content_hash for version in questionnaire.versions()} == PUBLISHED


def test_version_never_published_is_unknown():
    with pytest.raises(LookupError, match="no questionnaire version 99"):
        questionnaire.load("99")


def test_harmless_use_is_low_without_reasons():
    verdict = questionnaire.load("1").assess(HARMLESS)
    assert (verdict.tier, verdict.reasons) == ("low", ())


@pytest.mark.parametrize(
    ("changed", "tier"),
    [
        ({"contact": "yes"}, "limited"),
        ({"data": "personal"}, "limited"),
        ({"harm": "loss"}, "limited"),
        ({"harm": "serious"}, "high"),
        ({"areas": ["services"]}, "high"),
        ({"persons": "direct", "data": "special"}, "high"),
        ({"persons": "direct", "automation": "automatic"}, "limited"),
        ({"persons": "direct", "automation": "automatic", "reversal": "effort"}, "high"),
        ({"harm": "loss", "automation": "automatic", "reversal": "never"}, "high"),
        ({"practices": ["social_scoring"]}, "prohibited"),
        ({"practices": ["social_scoring", "manipulation"], "areas": ["justice"]}, "prohibited"),
    ],
)
def test_tier_follows_from_answers_and_rules(changed, tier):
    assert questionnaire.load("1").assess({**HARMLESS, **changed}).tier == tier


def test_reasons_are_told_strictest_first():
    answers = {**HARMLESS, "persons": "direct", "data": "special"}
    assert questionnaire.load("1").assess(answers).reasons == (
        {
            "tier": "high",
            "question": None,
            "reason": "It draws conclusions about single people from special categories of data.",
        },
        {"tier": "limited", "question": "persons", "reason": "A result is about a single person."},
        {"tier": "limited", "question": "data", "reason": "It uses special categories of personal data."},
    )


def test_stricter_answer_never_gives_a_lower_tier():
    asked = questionnaire.load("1")
    single = [question for question in asked.questions if not question.many]
    for combination in itertools.product(*[question.answers for question in single]):
        keys = {question.key: answer.key for question, answer in zip(single, combination, strict=True)}
        tier = asked.assess({**HARMLESS, **keys}).tier
        assert TIERS.index(tier) >= max(TIERS.index(answer.tier) for answer in combination)


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"harm": ""}, {"harm": "Choose an answer."}),
        ({"harm": None}, {"harm": "Choose an answer."}),
        ({"harm": ["loss", "serious"]}, {"harm": "Choose one answer."}),
        ({"harm": "terrible"}, {"harm": "Choose from: inconvenience, loss, serious."}),
        ({"areas": []}, {"areas": "Choose an answer."}),
        ({"areas": ["none", "services"]}, {"areas": "“None of these” goes alone."}),
        ({"weather": "fine"}, {"weather": "This questionnaire does not ask that."}),
    ],
)
def test_answers_that_do_not_fit_are_named(changed, fields):
    with pytest.raises(WrongAnswers) as caught:
        questionnaire.load("1").assess({**HARMLESS, **changed})
    assert caught.value.fields == fields


@pytest.mark.parametrize("given", [5, {"a": 1}, [["none"]], [None]])
def test_answers_of_wrong_kind_are_named(given):
    with pytest.raises(WrongAnswers) as caught:
        questionnaire.load("1").assess({**HARMLESS, "areas": given})
    assert list(caught.value.fields) == ["areas"]


def test_words_are_what_was_asked_and_answered():
    words = questionnaire.load("1").words(HARMLESS)
    assert words[2] == ("Whom does a result touch?", ["No person: it is about things, or about sums of many"])
