"""Conditions of use as a validator gives them: with the conclusion, in page and API, shown and signed for."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import reverse

from apps.core.errors import Invalid
from apps.models import actions as models
from apps.validation import actions
from apps.validation.models import Condition, ValidationRun
from apps.validation.subjects import conditions_in_force
from tests.cast import Cast
from tests.validation.factories import finished_run, fresh

TERMS = [
    {"kind": "inputs", "limits": {"column": "distance", "least": 5, "most": 23}, "is_strict": True},
    {"kind": "confirm", "text": "By the duty manager."},
]


def concluded(cast: Cast, **more: Any) -> ValidationRun:
    given = {"outcome": "conditions", "statement": "Fit by day.", "terms": TERMS, "conditions": "Not in snow."}
    return actions.conclude(run=finished_run(cast), by=cast.vera, **(given | more))


def test_conditions_are_kept_with_the_conclusion_and_signed_for(inside: Cast) -> None:
    run = concluded(inside)

    kept = conditions_in_force(run.version)
    assert [(one.number, one.kind, one.is_strict) for one in kept] == [
        (1, "inputs", True),
        (2, "confirm", False),
        (3, "statement", False),
    ]
    assert run.conditions.splitlines() == [
        "Only where distance is at least 5 and at most 23.",
        "A person confirms each decision. By the duty manager.",
        "Not in snow.",
    ]
    request = models.request_approval(version=fresh(run).version, by=inside.dario)
    assert request.snapshot["validation"]["conditions"][0]["limits"] == {
        "column": "distance",
        "least": 5.0,
        "most": 23.0,
    }
    with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update validation_condition set text = 'x'")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"terms": [], "conditions": " "}, "conditions"),
        ({"terms": [{"kind": "inputs", "limits": {"column": "height", "least": 1}}]}, "terms"),
        ({"terms": [{"kind": "luck"}]}, "terms"),
    ],
)
def test_conditions_that_say_nothing_or_cannot_be_kept_are_refused(
    inside: Cast, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        concluded(inside, **given)
    assert field in refused.value.fields
    assert Condition.objects.count() == 0


def test_conditions_are_given_and_shown_in_the_pages(inside: Cast, sign_in: Any) -> None:
    run = finished_run(inside)
    vera = sign_in(inside.vera)
    address = reverse("validation:conclude", args=["meridian", run.version.model.key, run.version.number, run.number])
    blocks = {"terms-TOTAL_FORMS": 3, "terms-INITIAL_FORMS": 0}
    given = blocks | {"outcome": "conditions", "statement": "Fit by day.", "terms-0-kind": "inputs"}
    assert "Conditions that are enforced" in vera.get(address).content.decode()

    assert vera.post(address, given | {"terms-0-column": "height"}).status_code == 422
    unfinished = vera.post(address, given | {"terms-0-column": "distance"})
    assert unfinished.status_code == 422 and "distance” is a number" in unfinished.content.decode()
    good = given | {"terms-0-column": "distance", "terms-0-least": "5", "terms-1-kind": "confirm"}
    assert vera.post(address, good).status_code == 303

    for page in (run.get_absolute_url(), run.version.get_absolute_url()):
        shown = vera.get(page).content.decode()
        assert "Only where distance is at least 5." in shown and "A person confirms each decision." in shown


def test_conditions_by_the_api(inside: Cast, sign_in: Any) -> None:
    run = finished_run(inside)
    vera, root = sign_in(inside.vera), "/o/meridian/api/v1"
    given = {"outcome": "conditions", "statement": "Fit.", "terms": [{"kind": "until", "limits": {"date": "soon"}}]}
    address = f"{root}/validation-runs/{run.pk}/conclude/"

    bad = vera.post(address, given, content_type="application/json")
    given["terms"][0]["limits"] = {"date": "2027-06-30"}
    good = vera.post(address, given, content_type="application/json")

    assert (bad.status_code, good.status_code) == (422, 200), (bad.content, good.content)
    listed = vera.get(f"{root}/validation-conditions/?model={run.version.model.key}").json()["results"]
    assert [(one["words"], one["in_force"]) for one in listed] == [("Until 30 June 2027.", True)]
