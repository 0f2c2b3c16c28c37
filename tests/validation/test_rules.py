"""The rules an organization judges by: written by who administers, shown, and applied to what fails from then on."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from apps.core.errors import Invalid, Refused
from apps.validation import actions, judging
from apps.validation.engine.judging import DEFAULT
from apps.validation.models import JudgingRules
from tests.cast import Cast
from tests.validation.factories import finding_at, in_days

LENIENT = [{"severity": "medium", "family": "performance"}, {"severity": "high"}]


def written(cast: Cast, **content: Any) -> JudgingRules:
    return actions.write_rules(content=content, reason="Agreed with risk.", by=cast.odile)


def test_failure_weighs_and_is_due_as_the_rules_in_force_say(inside: Cast) -> None:
    written(inside, severity=LENIENT, days={**DEFAULT.days, "medium": 7})

    finding = finding_at(inside, "open")

    assert (finding.severity, finding.due_on) == ("medium", in_days(7))
    assert finding.weighed_by == "Rule 1: any performance check"
    finding = actions.assign_finding(finding=finding, severity="high", by=inside.vera)
    assert finding.weighed_by == ""


def test_new_rules_are_a_new_version_with_a_reason(inside: Cast) -> None:
    assert judging.current() == DEFAULT
    first, second = written(inside, severity=LENIENT), written(inside)

    first.refresh_from_db()
    assert (first.version, first.is_current, second.version, second.is_current) == (1, False, 2, True)
    assert judging.current() == DEFAULT
    with pytest.raises(Invalid, match="Say why"):
        actions.write_rules(content={}, reason=" ", by=inside.odile)
    with pytest.raises(Invalid) as refused:
        written(inside, days={"low": 3})
    assert "days" in refused.value.fields


@pytest.mark.parametrize("who", ["vera", "dario", "rhea", "audrey"])
def test_only_who_administers_writes_rules(inside: Cast, who: str) -> None:
    with pytest.raises(Refused):
        actions.write_rules(content={}, reason="Mine.", by=getattr(inside, who))


def test_rules_are_read_and_changed_in_the_page(inside: Cast, sign_in: Any) -> None:
    page, write = (reverse(f"validation:{name}", args=["meridian"]) for name in ("rules", "write-rules"))
    odile = sign_in(inside.odile)
    assert "nobody here has changed them yet" in odile.get(page).content.decode()
    shown = odile.get(write)
    form, lines = shown.context["form"], shown.context["formset"]
    given = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    given |= {"rules-TOTAL_FORMS": lines.total_form_count(), "rules-INITIAL_FORMS": lines.initial_form_count()}
    for line in lines:
        given |= {line.add_prefix(name): line[name].value() or "" for name in line.fields}
    given |= {"rules-0-severity": "", "days_critical": 5, "reason": "Security is judged by its own team."}

    assert odile.post(write, given | {"days_low": ""}).status_code == 422
    answer = odile.post(write, given)

    assert answer.status_code == 303, answer.content.decode()
    rules = judging.current()
    assert rules.severity == DEFAULT.severity[1:] and rules.days["critical"] == 5
    assert (rules.again, rules.independence, rules.holds) == (DEFAULT.again, DEFAULT.independence, DEFAULT.holds)
    assert "Security is judged by its own team." in odile.get(page).content.decode()


def test_rules_by_the_api(inside: Cast, sign_in: Any) -> None:
    address = "/o/meridian/api/v1/validation-rules/"
    odile = sign_in(inside.odile)
    assert odile.get(f"{address}current/").json() == {"version": 0, "content": DEFAULT.as_json()}

    bad = odile.post(address, {"content": {"holds": ["all"]}, "reason": "x"}, content_type="application/json")
    good = odile.post(address, {"content": {"holds": []}, "reason": "Try."}, content_type="application/json")

    assert (bad.status_code, good.status_code) == (422, 201), (bad.content, good.content)
    assert odile.get(f"{address}current/").json()["content"]["holds"] == []
    assert [row["version"] for row in odile.get(address).json()["results"]] == [1]
