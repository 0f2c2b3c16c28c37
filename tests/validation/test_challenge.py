"""Effective challenge and independence: kept as they were said, shown in the report, signed for."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from apps.core.errors import IllegalMove, Invalid, Refused, TooLarge
from apps.models import actions as models
from apps.organizations.actions import assign_role
from apps.validation import actions, evidence_files, policies
from apps.validation.models import Challenge, IndependenceCheck
from tests.cast import Cast
from tests.projects.factories import sign_all
from tests.validation import factories
from tests.validation.factories import STRICT, finding_at, finished_run, fresh, in_days


def tried(cast: Cast, run: Any, **more: Any) -> Challenge:
    given = {"title": "Snow days alone", "text": "Scored the 12 snow days: AUC 0.61.", "bearing": "against"}
    return actions.add_test(run=run, by=cast.vera, **(given | more))


def test_remarks_and_own_tests_are_kept_and_signed_for(inside: Cast) -> None:
    run = finished_run(inside)
    result = run.results.get(name="perf.auc")
    said = actions.remark(run=run, result=result, text="High, but on few airports.", by=inside.vera)
    test = tried(inside, run, file=SimpleUploadedFile("snow.csv", b"day,auc\n"))

    assert (said.kind, said.result, test.kind, test.size, len(test.sha256)) == ("remark", result, "test", 8, 64)
    actions.conclude(run=run, outcome="validated", statement="Fit.", by=inside.vera)
    request = models.request_approval(version=fresh(run).version, by=inside.dario)
    evidence = request.snapshot["validation"]
    assert [one["text"] for one in evidence["challenges"]] == [said.text, test.text]
    assert [one["occasion"] for one in evidence["independence"]] == ["started", "concluded"]
    with pytest.raises(IllegalMove, match="is concluded"):
        actions.remark(run=run, text="One more thing.", by=inside.vera)


def test_evidence_has_one_limit_of_its_own(inside: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished_run(inside)
    monkeypatch.setattr(evidence_files, "LARGEST", 2 * 1024**2)

    for keep in (
        lambda: tried(inside, run, file=SimpleUploadedFile("runs.csv", b"0" * (2 * 1024**2 + 1))),
        lambda: actions.add_document(
            version=run.version, title="Scan", file=io.BytesIO(b"0" * (2 * 1024**2 + 1)), by=inside.vera
        ),
    ):
        with pytest.raises(TooLarge, match=r"larger than 2 MiB, the limit here. Nothing was kept. Split it\.$"):
            keep()
    assert tried(inside, run, file=SimpleUploadedFile("runs.csv", b"0" * 2 * 1024**2)).size == 2 * 1024**2


def test_what_was_said_does_not_change_whoever_writes(inside: Cast) -> None:
    run = finished_run(inside)
    actions.remark(run=run, text="Odd.", by=inside.vera)

    with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update validation_challenge set text = 'Fine.'")
    mine = Challenge(run=run, kind="remark", text="Fine, I made it.", written_by=inside.dario)
    with pytest.raises(IntegrityError, match="Only who did not make a version"), transaction.atomic():
        mine.save()


@pytest.mark.parametrize(
    "given", [{"title": " "}, {"text": ""}, {"bearing": ""}, {"bearing": "great"}], ids=lambda given: next(iter(given))
)
def test_own_test_says_what_was_done_and_what_it_means(inside: Cast, given: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        tried(inside, finished_run(inside), **given)
    assert set(refused.value.fields) == set(given)


def test_result_of_another_run_is_refused(inside: Cast) -> None:
    run = finished_run(inside)
    other = factories.again(inside, run)
    with pytest.raises(Invalid, match="of another run"):
        actions.remark(run=run, result=other.results.first(), text="x", by=inside.vera)


@pytest.mark.parametrize("who", ["dario", "bianca", "rhea", "audrey"])
def test_only_an_independent_validator_challenges(inside: Cast, who: str) -> None:
    with pytest.raises(Refused):
        actions.remark(run=finished_run(inside), text="x", by=getattr(inside, who))


def test_pages_take_and_show_it(inside: Cast, sign_in: Any) -> None:
    run = finished_run(inside)
    vera = sign_in(inside.vera)
    here = ["meridian", run.version.model.key, run.version.number, run.number]
    remark, test = (reverse(f"validation:{name}", args=here) for name in ("remark", "add-test"))
    assert [vera.get(page).status_code for page in (remark, test)] == [200, 200]

    assert vera.post(remark, {"text": "On few airports."}).status_code == 303
    file = SimpleUploadedFile("snow.csv", b"day,auc\n")
    given = {"title": "Snow days", "text": "AUC 0.61.", "bearing": "against", "file": file}
    assert vera.post(test, given | {"bearing": ""}).status_code == 422
    file.seek(0)
    assert vera.post(test, given).status_code == 303

    for page in (run.get_absolute_url(), reverse("validation:report", args=here)):
        shown = vera.get(page).content.decode()
        assert "On few airports." in shown and "Snow days" in shown and "Speaks against it" in shown
        assert "Held against" in shown and "registered it" in shown
    kept = Challenge.objects.get(kind="test")
    evidence = reverse("validation:challenge-evidence", args=["meridian", kept.pk])
    assert b"".join(vera.get(evidence).streaming_content) == b"day,auc\n"
    assert sign_in(inside.mina).get(evidence).status_code == 404


def test_api_takes_and_shows_it(inside: Cast, sign_in: Any) -> None:
    run = finished_run(inside)
    vera, address = sign_in(inside.vera), "/o/meridian/api/v1/challenges/"
    given = {"run": str(run.pk), "text": "Odd.", "result": "perf.auc"}

    assert vera.post(address, given | {"result": "luck"}, content_type="application/json").status_code == 422
    assert vera.post(address, given, content_type="application/json").status_code == 201
    test = given | {"kind": "test", "title": "Snow", "bearing": "open", "file": SimpleUploadedFile("a.txt", b"a")}
    assert vera.post(address, test).status_code == 201

    listed = vera.get(f"{address}?run={run.pk}").json()["results"]
    assert {(one["kind"], one["result"], one["size"]) for one in listed} == {
        ("remark", "perf.auc", 0),
        ("test", "perf.auc", 1),
    }
    held = vera.get(f"/o/meridian/api/v1/independence/?run={run.pk}").json()["results"]
    assert [(one["occasion"], one["person"]) for one in held] == [("started", inside.vera.email)]


# Independence


def test_who_handed_a_version_over_does_not_examine_it(inside: Cast) -> None:
    model = factories.model_of(inside)
    version = factories.candidate(inside, model, state="draft")
    models.write_card(version=version, written=factories.WRITTEN, by=inside.dario)
    assign_role(scope=model.project, role="data_scientist", user=inside.vera, by=inside.odile)
    version = models.submit_version(version=version, by=inside.vera)

    with pytest.raises(Refused, match="asked for its validation: somebody else has to examine it"):
        policies.check_validate(inside.vera, version)


def test_who_asked_for_its_approval_does_not_examine_it(inside: Cast) -> None:
    run = actions.conclude(run=finished_run(inside), outcome="validated", statement="Fit.", by=inside.vera)
    version = fresh(run).version
    policies.check_independent(inside.vera, version)

    models.request_approval(version=version, by=inside.vera)

    with pytest.raises(Refused, match="asked for its approval"):
        policies.check_independent(inside.vera, fresh(run).version)


def test_rules_say_in_which_tier_another_team_examines(inside: Cast) -> None:
    from apps.organizations.actions import add_to_team, create_team

    version = factories.candidate(inside)
    team = create_team(key="models", name="Models", by=inside.odile)
    for person in (inside.dario, inside.vera):
        add_to_team(team=team, user=person, by=inside.odile)
    policies.check_independent(inside.vera, version)

    levels = {"low": "person", "limited": "team", "high": "team"}
    actions.write_rules(content={"independence": levels}, reason="Stricter.", by=inside.odile)

    with pytest.raises(Refused, match="In the limited tier another team examines it"):
        policies.check_independent(inside.vera, version)


def test_closing_and_signing_are_held_against_the_makers_too(inside: Cast) -> None:
    finding = finding_at(inside, "closed")
    open_one = finding_at(inside, "open", factories.again(inside, finding.run, STRICT))
    waiver = actions.request_waiver(
        finding=open_one, reason="x", compensating_control="y", until=in_days(9), by=inside.bianca
    )
    sign_all(inside, waiver.request)

    kept = {(one.occasion, one.person) for one in IndependenceCheck.objects.exclude(occasion="started")}
    assert kept == {("closed", inside.vera), ("signed", inside.rhea)}
    signed = IndependenceCheck.objects.get(occasion="signed")
    assert {one["person"]: one["why"] for one in signed.against} == {
        "Bianca": "asked for this decision",
        "Dario": "owns the finding",
    }
    assert signed.finding == open_one
