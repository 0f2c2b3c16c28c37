"""Kinds of plan, data and columns by role, slices, and the evidence that must be there before somebody concludes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from apps.audit.models import Record
from apps.core.errors import IllegalMove, Invalid, NotVisible, Refused
from apps.models import actions as models
from apps.validation import actions, policies, required_evidence, subjects
from apps.validation.actions.plans import plan_content
from apps.validation.models import EvidenceDocument
from tests.cast import Cast
from tests.models.factories import WRITTEN
from tests.validation import factories

LINE = [{"key": "sec.format", "fail": 0}]
SLICES = {"young": "age < 30", "women of B6": 'sex = "female" and carrier = "B6"'}


def test_plan_of_another_kind_asks_what_is_for_it(inside: Cast) -> None:
    version = factories.candidate(inside)

    generic = factories.plan_of(inside, version, lines=None, kind="generic")
    keys = set(generic.checks.values_list("key", flat=True))
    ranking = factories.plan_of(inside, version, lines=None, kind="ranking", group_column="carrier", reason="Lists.")

    assert "fair.impact_ratio" in keys and "perf.auc" not in keys
    assert ranking.checks.get(key="rank.ndcg").required and not ranking.checks.filter(key="perf.auc").exists()
    assert subjects.payload(ranking, [])["roles"] == {"group": "carrier", "attributes": ["sex"]}


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"kind": "forecast"}, "kind", "A model that answers binary cannot be planned as forecast."),
        ({"kind": "riddle"}, "kind", "A model that answers binary cannot be planned as riddle."),
        ({"kind": "ranking"}, "group_column", "A ranking needs the column that says which list a row belongs to."),
        ({"group_column": "gate"}, "group_column", "The test data have no column gate."),
        ({"slices": {"tall": "height > 2"}}, "slices", "The test data have no column height."),
        ({"slices": {"odd": "age <"}}, "slices", "odd: Expected a number or a text between quotes at the end."),
        (
            {"evidence": ["diary"]},
            "evidence",
            "“diary”: begin with one of card, charter, risks, data, document, signature.",
        ),
        ({"evidence": ["document:"]}, "evidence", "“document:”: name its title behind a colon, at most 120 letters."),
    ],
)
def test_plan_that_cannot_be_says_which_field(inside: Cast, given: Any, field: str, sentence: str) -> None:
    with pytest.raises(Invalid) as error:
        factories.plan_of(inside, lines=None, **given)
    assert error.value.fields == {field: [sentence]}


def test_parameter_that_names_a_column_must_name_one_of_the_data(inside: Cast) -> None:
    line = {"key": "consist.sources", "fail": 0.1, "parameters": {"column": "airport"}}

    with pytest.raises(Invalid, match="no column airport"):
        factories.plan_of(inside, lines=[line])


def test_data_by_role_reach_hash_digests_and_the_child(inside: Cast) -> None:
    version = factories.candidate(inside)
    project = version.model.project
    reference, stress = (factories.data(inside, project, key, seed=seed) for key, seed in (("all", 8), ("hard", 9)))
    plain = factories.plan_of(inside, version, seed=1)

    full = factories.plan_of(
        inside,
        version,
        lines=None,
        seed=1,
        reference_data=reference,
        stress_data=stress,
        slices=SLICES,
        reason="Roles.",
    )

    digests = subjects.inputs_of(full)
    assert (digests["reference"], digests["stress"]) == (reference.sha256, stress.sha256)
    assert subjects.files_of(full)["stress"] == stress.file
    assert subjects.payload(full, [])["slices"] == SLICES
    keys = set(full.checks.values_list("key", flat=True))
    assert {"data.represents", "data.uncovered", "robust.stress", "slice.declared"} <= keys
    assert not {"reference_data", "stress_data", "slices", "evidence", "group_column"} & set(plan_content(plain))
    assert plan_content(full)["slices"] == full.slices and plan_content(full)["reference_data"] == reference.sha256


def test_run_of_a_plan_with_roles_judges_them(inside: Cast) -> None:
    version = factories.candidate(inside)
    stress = factories.data(inside, version.model.project, "hard", rows=400, seed=9)
    lines = [{"key": "robust.stress", "fail": 0.5}, {"key": "slice.declared", "fail": 0.5}]

    run = factories.finished_run(inside, version, lines, stress_data=stress, slices=SLICES)

    assert dict(run.results.values_list("key", "verdict")) == {"robust.stress": "passed", "slice.declared": "passed"}
    assert run.rows["stress"]["used"] == 400
    parts = run.results.get(key="slice.declared").evidence["tables"][0]["rows"]
    assert [part["part"] for part in parts] == ["young", "women of B6"]


def test_template_names_what_plans_take_as_far_as_the_data_have_it(inside: Cast) -> None:
    setup = {
        "columns": {"time": "scheduled", "group": "trip"},
        "attributes": ["sex", "religion"],
        "slices": {"young": "age < 30", "tall": "height > 2"},
        "evidence": ["card", "document: Penetration test"],
    }
    template = actions.write_template(
        tier="limited", kind="binary", lines=[*LINE, {"key": "fair.impact_ratio", "fail": 0.8}], reason="Rules.",
        setup=setup, by=inside.adam,
    )  # fmt: skip

    taken = factories.plan_of(inside, lines=None, attributes=None)
    other = factories.plan_of(inside, taken.version, lines=None, attributes=[], slices=[], evidence=[], reason="None.")

    assert (taken.time_column, taken.group_column, taken.attributes) == ("scheduled", "", ["sex"])
    assert taken.slices == [{"name": "young", "where": "age < 30"}]
    assert taken.evidence == ["card", "document: Penetration test"]
    assert set(taken.checks.values_list("name", flat=True)) == {"sec.format", "fair.impact_ratio:sex"}
    assert (other.attributes, other.slices, other.evidence) == ([], [], [])
    again = actions.write_template(tier="limited", kind="binary", lines=LINE, reason="Fewer.", by=inside.adam)
    assert again.setup == template.setup and again.content_hash != template.content_hash


def test_fit_needs_the_evidence_that_the_plan_asks_for(inside: Cast) -> None:
    asked = ["card", "data", "document: Penetration test"]
    run = factories.finished_run(inside, lines=LINE, evidence=asked)
    given = {"run": run, "outcome": "validated", "statement": "Sound.", "by": inside.vera}

    assert [str(one) for one in required_evidence.missing(run.plan)] == [
        "Document: Penetration test (nobody has added it)"
    ]
    with pytest.raises(
        Refused, match=r"evidence that is not there: Document: Penetration test \(nobody has added it\)"
    ):
        actions.conclude(**given)
    actions.add_document(
        version=run.version, title="penetration Test", file=io.BytesIO(b"%PDF"), name="test.pdf", by=inside.dario
    )
    actions.conclude(**given)

    assert Record.objects.get(action="document.added").details["size"] == 4


def test_version_is_rejected_whatever_evidence_is_missing(inside: Cast) -> None:
    run = factories.finished_run(inside, lines=LINE, evidence=["document: Penetration test"])

    actions.conclude(run=run, outcome="rejected", statement="No.", by=inside.vera)


def test_section_that_is_empty_or_older_than_a_change_is_missing(inside: Cast) -> None:
    plan = factories.plan_of(inside, lines=LINE, evidence=["card: Limitations", "charter: Complete", "risks"])
    models.write_card(version=plan.version, written={**WRITTEN, "limitations": " "}, by=inside.dario)

    assert [one.note for one in required_evidence.missing(plan)] == ["Limitations is not there"]


def test_document_is_a_file_or_a_link_by_who_works_on_the_version(inside: Cast) -> None:
    version = factories.candidate(inside)
    link = {"version": version, "title": "Review", "url": "https://docs.example.org/1"}

    assert actions.add_document(**link, by=inside.vera).get_absolute_url() == link["url"]
    for wrong, field in (
        ({"url": ""}, "file"), ({"file": io.BytesIO(b"x")}, "file"), ({"url": "javascript:alert(1)"}, "url"),
        ({"title": " "}, "title"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as error:
            actions.add_document(**{**link, **wrong}, by=inside.vera)
        assert list(error.value.fields) == [field]
    with pytest.raises(Refused):
        actions.add_document(**link, by=inside.rhea)
    with pytest.raises(NotVisible):
        actions.add_document(**link, by=inside.mina)
    version = models.reject_version(version=version, reason="Weak.", by=inside.vera)
    with pytest.raises(IllegalMove, match="nothing is added"):
        policies.check_add_document(inside.vera, version)
    assert EvidenceDocument.objects.count() == 1
