"""Validating again: triggered, told, put off by an approval, settled by a conclusion, seen by how late it is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.core.errors import Conflict, IllegalMove, Invalid, Refused
from apps.discussions.models import Notice
from apps.models import actions as models
from apps.models.models import ModelVersion
from apps.organizations.people import system
from apps.projects.actions import change_charter
from apps.validation import actions, aging, policies, tasks
from apps.validation.models import Deferral, Revalidation, Trigger
from tests.cast import Cast
from tests.projects.factories import sign_all
from tests.validation.factories import again, finished_run, in_days


def fit(cast: Cast, **more: Any) -> ModelVersion:
    """A version that Vera found fit."""
    run = actions.conclude(run=finished_run(cast, **more), outcome="validated", statement="Fit.", by=cast.vera)
    return ModelVersion.objects.select_related("model__project", "model__organization", "artifact").get(
        pk=run.version_id
    )


def champion(cast: Cast, **more: Any) -> ModelVersion:
    """A version that is approved, and in use."""
    version = fit(cast, **more)
    sign_all(cast, models.request_approval(version=version, by=cast.dario))
    version.refresh_from_db()
    models.set_alias(model=version.model, name="champion", version=version, by=cast.otto)
    return version


def asked(cast: Cast, version: ModelVersion | None = None, **more: Any) -> Revalidation:
    version = version or fit(cast)
    return actions.ask_revalidation(version=version, reason="The season changed.", by=cast.vera, **more)


def days_pass(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    later = timezone.now().date() + dt.timedelta(days=days)
    monkeypatch.setattr(timezone, "localdate", lambda *_: later)


def test_validator_asks_and_a_conclusion_after_it_settles(inside: Cast) -> None:
    one = asked(inside)
    assert (one.trigger, one.due_on) == (Trigger.ASKED, in_days(60))
    with pytest.raises(Conflict, match="was asked for already"):
        asked(inside, one.version)
    first = one.version.validation_runs.get()

    run = again(inside, first)
    run = actions.conclude(run=run, outcome="conditions", statement="Still.", conditions="Watch it.", by=inside.vera)

    one.refresh_from_db()
    assert (one.state, one.settled_by) == ("settled", run)
    assert (run.version.state, run.version.validation_runs.count()) == ("validated", 2)
    with pytest.raises(IllegalMove, match="validated again when its revalidation is due"):
        policies.check_write_plan(inside.vera, run.version)


def test_revalidation_that_fails_rejects_what_was_approved(inside: Cast) -> None:
    version = champion(inside)
    asked(inside, version)
    run = again(inside, version.validation_runs.get())

    actions.conclude(run=run, outcome="rejected", statement="No longer.", by=inside.vera)

    version.refresh_from_db()
    assert version.state == "rejected"
    assert not Revalidation.objects.due().exists()


@pytest.mark.parametrize("who", ["dario", "bianca", "rhea", "otto", "odile"])
def test_only_an_independent_validator_asks(inside: Cast, who: str) -> None:
    with pytest.raises(Refused):
        actions.ask_revalidation(version=fit(inside), reason="x", by=getattr(inside, who))


def test_trigger_makes_one_row_and_tells_the_validators(inside: Cast) -> None:
    version = fit(inside)
    given = {"version": version, "trigger": Trigger.BREACH, "reason": "Drift of carrier.", "by": system()}

    one = actions.trigger_revalidation(**given, source="/incident")

    assert one is not None and one.source == "/incident"
    assert actions.trigger_revalidation(**given) is None
    assert Notice.objects.filter(user=inside.vera, text__startswith="Validate").count() == 1


def test_rules_say_which_triggers_count_and_by_when(inside: Cast) -> None:
    version = fit(inside)
    days = {"every": 100, "within": 9, "triggers": ["data"]}
    actions.write_rules(content={"again": dict.fromkeys(["low", "limited", "high"], days)}, reason="x", by=inside.odile)

    given = {"version": version, "reason": "x", "by": system()}
    assert actions.trigger_revalidation(**given, trigger=Trigger.BREACH) is None
    found = actions.trigger_revalidation(**given, trigger=Trigger.DATA)
    assert found is not None and found.due_on == in_days(9)


def test_changed_purpose_of_what_is_in_use_triggers(inside: Cast) -> None:
    version = champion(inside)
    project = version.model.project
    change_charter(project=project, changes={"title": "Arrivals that come late"}, by=inside.bianca)
    assert not Revalidation.objects.exists()

    change_charter(project=project, changes={"intended_users": "Passengers too."}, by=inside.bianca)

    one = Revalidation.objects.get()
    assert (one.version, one.trigger) == (version, "purpose")
    assert one.reason == "Since it was validated these parts of its charter changed: intended users."


def test_data_no_longer_fit_trigger(inside: Cast) -> None:
    from apps.datasets.signals import withdrawn

    version = champion(inside)
    data = version.validation_plans.get().test_data
    withdrawn.send(sender=type(data), version=data, by=inside.carlo)

    assert [(one.trigger, one.source) for one in Revalidation.objects.all()] == [("data", data.get_absolute_url())]


def test_period_raises_it_in_time_once_and_reminds(inside: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    version = champion(inside)
    assert actions.raise_by_date(by=system()) == 0
    days_pass(monkeypatch, 304)
    assert actions.raise_by_date(by=system()) == 0
    days_pass(monkeypatch, 305)

    assert [actions.raise_by_date(by=system()) for _ in range(2)] == [1, 0]

    one = Revalidation.objects.get()
    assert (one.version, one.trigger, (one.due_on - timezone.localdate()).days) == (version, "date", 60)
    days: list[int] = []
    for late in range(-9, 10):
        Notice.objects.all().delete()
        monkeypatch.setattr(timezone, "localdate", lambda *_, late=late: one.due_on + dt.timedelta(days=late))
        tasks.follow_up.run(str(one.organization_id), str(one.organization_id))
        if Notice.objects.filter(user=inside.vera, text__startswith="Validate").exists():
            days.append(late)
    assert days == [-7, 1, 8]


def test_archived_version_is_not_validated_again(inside: Cast) -> None:
    one = asked(inside)
    models.archive_version(version=one.version, by=inside.dario)

    one.refresh_from_db()
    assert one.state == "lapsed"


# Deferrals


def deferral(cast: Cast, one: Revalidation, **more: Any) -> Deferral:
    given = {"reason": "The new data come in May.", "until": in_days(120), "by": cast.bianca}
    return actions.request_deferral(revalidation=one, **(given | more))


def test_deferral_moves_the_day_once_it_is_signed(inside: Cast) -> None:
    one = asked(inside)
    waiting = deferral(inside, one)
    with pytest.raises(Conflict, match="waits for a decision already"):
        deferral(inside, one)

    sign_all(inside, waiting.request)

    waiting.refresh_from_db()
    one.refresh_from_db()
    assert (waiting.state, one.due_on, one.is_deferred) == ("granted", in_days(120), True)
    assert one.first_due_on == in_days(60)


def test_deferral_that_is_declined_moves_nothing(inside: Cast) -> None:
    one = asked(inside)
    waiting = deferral(inside, one)

    approvals.decline(request=waiting.request, by=inside.rhea, reason="Not in this tier.", confirmed=True)

    waiting.refresh_from_db()
    one.refresh_from_db()
    assert (waiting.state, one.due_on) == ("declined", in_days(60))


def test_deferral_is_not_granted_without_its_approval_whoever_writes(inside: Cast) -> None:
    waiting = deferral(inside, asked(inside))

    with pytest.raises(IntegrityError, match="granted by its approval"), transaction.atomic():
        waiting.state, waiting.decided_at = "granted", timezone.now()
        waiting.save()


def test_what_is_settled_meanwhile_is_not_deferred(inside: Cast) -> None:
    one = asked(inside)
    waiting = deferral(inside, one)
    run = again(inside, one.version.validation_runs.get())
    actions.conclude(run=run, outcome="validated", statement="Fit.", by=inside.vera)

    waiting.refresh_from_db()
    assert waiting.state == "declined"
    with pytest.raises(IllegalMove):
        approvals.sign(request=waiting.request, by=inside.rhea, confirmed=True)


@pytest.mark.parametrize("given", [{"reason": " "}, {"until": dt.date(2020, 1, 1)}, {"until": dt.date(2099, 1, 1)}])
def test_deferral_without_reason_or_day_is_invalid(inside: Cast, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        deferral(inside, asked(inside), **given)


# What waits for it


def test_overdue_in_the_high_tier_holds_up_what_would_take_traffic(
    inside: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = fit(inside)
    asked(inside, version, due_on=in_days(1))
    days_pass(monkeypatch, 2)
    assert policies.held_up_by(version) == ""

    actions.write_rules(content={"holds": ["limited", "high"]}, reason="Stricter.", by=inside.odile)

    assert policies.held_up_by(version).startswith("It was to be validated again by")
    with pytest.raises(Refused, match="waits for its revalidation"):
        models.request_approval(version=version, by=inside.bianca)


def test_version_page_and_aging_show_it(inside: Cast, sign_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    version = champion(inside)
    vera = sign_in(inside.vera)
    page = reverse("validation:aging", args=["meridian"])
    assert "Nothing due" in vera.get(page).content.decode()

    one = asked(inside, version, due_on=in_days(1))
    days_pass(monkeypatch, 42)

    shown = vera.get(page).content.decode()
    assert "Overdue 31 to 90 days" in shown and "41 days" in shown
    assert str(version) in vera.get(f"{page}?bucket=over_30").content.decode()
    assert "Nothing fits these filters" in vera.get(f"{page}?bucket=none").content.decode()
    assert "It was to be validated again by" in vera.get(version.get_absolute_url()).content.decode()
    assert "The season changed." in vera.get(one.get_absolute_url()).content.decode()
    listed = vera.get("/o/meridian/api/v1/revalidation-aging/?bucket=over_30").json()["results"]
    assert [(row["days_late"], row["triggers"], row["bucket"]) for row in listed] == [
        (41, ["A validator asked for it"], "over_30")
    ]


def test_aging_takes_the_same_queries_for_any_number(inside: Cast, sign_in: Any) -> None:
    vera, page = sign_in(inside.vera), reverse("validation:aging", args=["meridian"])
    first = asked(inside, due_on=in_days(3)).version

    def count() -> int:
        vera.get(page)
        with CaptureQueriesContext(connection) as queries:
            assert vera.get(page).status_code == 200
        return len(queries)

    before = count()
    for trigger in ("data", "breach", "incident"):
        actions.trigger_revalidation(version=first, trigger=trigger, reason="x", by=system())
    asked(inside, first_of_another(inside))
    assert [aging.bucket_of(row) for row in aging.rows().order_by("due")] == ["soon", "later"]
    assert count() == before


def first_of_another(cast: Cast) -> ModelVersion:
    from tests.validation.factories import candidate

    model = ModelVersion.objects.select_related("model").first().model  # type: ignore[union-attr]
    return fit(cast, version=candidate(cast, model, slope=2.2))


def test_page_and_api_ask_and_defer(inside: Cast, sign_in: Any) -> None:
    version = fit(inside)
    vera, bianca = sign_in(inside.vera), sign_in(inside.bianca)
    address = reverse("validation:ask-revalidation", args=["meridian", version.model.key, version.number])
    assert vera.get(address).status_code == 200
    assert vera.post(address, {"reason": "Again.", "due_on": ""}).status_code == 303
    one = Revalidation.objects.get()

    assert bianca.get(reverse("validation:defer", args=["meridian", one.pk])).status_code == 200
    answer = bianca.post(
        f"/o/meridian/api/v1/revalidations/{one.pk}/request-deferral/",
        {"reason": "Later.", "until": in_days(100).isoformat()},
        content_type="application/json",
    )
    assert answer.status_code == 201, answer.content
    assert "Later." in bianca.get(one.get_absolute_url()).content.decode()
    listed = vera.get(f"/o/meridian/api/v1/deferrals/?model={version.model.key}").json()["results"]
    assert [row["state"] for row in listed] == ["requested"]
