"""Models: what may be registered, trained, handed over, approved and named, by whom, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.approvals import actions as approvals
from apps.approvals.models import RequestState
from apps.audit.chain import faults
from apps.audit.models import Record
from apps.core.errors import Conflict, DomainError, IllegalMove, Invalid, NotVisible, Refused
from apps.models import actions, signals
from apps.models.models import (
    Alias,
    Artifact,
    ArtifactState,
    ModelCard,
    ModelVersion,
    RunLine,
    RunMetric,
    RunState,
    TrainingRun,
    VersionState,
)
from apps.organizations.actions import assign_role
from apps.work.models import Job, JobState
from tests.cast import Cast
from tests.models import factories
from tests.models.engine import hostile
from tests.models.engine.samples import recipe
from tests.models.factories import WRITTEN, fresh
from tests.projects.factories import PROHIBITED, project_at, sign_all

SIGNATURE: dict[str, Any] = {**hostile.SIGNATURE, "target": "target"}


@pytest.fixture
def model(inside: Cast) -> Any:
    """A registered classifier of an approved project."""
    return factories.model_of(inside)


@pytest.fixture
def data(inside: Cast, model: Any) -> Any:
    """Data of its project, signed off."""
    return factories.signed_off_data(inside, model.project)


@pytest.fixture
def regression(inside: Cast, model: Any) -> Any:
    """A registered regression of the same project."""
    return factories.model_of(inside, model.project, key="delay-minutes", kind="regression")


def upload(cast: Cast, model: Any, content: bytes, run_work: Any, name: str = "m.onnx") -> Artifact:
    """An upload that the gate has looked at."""
    given = {"file": io.BytesIO(content), "name": name, "signature": SIGNATURE}
    artifact = actions.upload_artifact(model=model, by=cast.dario, **given)
    run_work(cast.meridian)
    return Artifact.objects.select_related("model").get(pk=artifact.pk)


def test_register_model_needs_an_approved_charter(inside: Cast) -> None:
    project = project_at(inside, "draft")

    with pytest.raises(Refused, match="is not approved for development"):
        factories.model_of(inside, project)


def test_register_model_takes_a_data_scientist(inside: Cast) -> None:
    project = project_at(inside, "approved")

    with pytest.raises(Refused, match="data scientist"):
        factories.model_of(inside, project, by=inside.vera)
    with pytest.raises(NotVisible):
        factories.model_of(inside, project, by=inside.mina)


def test_register_model_refuses_a_key_that_is_taken(inside: Cast, model: Any) -> None:
    with pytest.raises(Invalid) as caught:
        factories.model_of(inside, model.project)

    assert list(caught.value.fields) == ["key"]


def test_prohibited_use_stops_before_any_training(inside: Cast, model: Any, data: Any) -> None:
    from apps.projects.actions import assess

    assess(project=model.project, answers=PROHIBITED, by=inside.bianca)
    model.project.refresh_from_db()

    with pytest.raises(Refused, match="prohibited"):
        factories.queued_run(inside, model, data)


def test_training_is_done_by_a_worker_and_keeps_everything(inside: Cast, model: Any, data: Any) -> None:
    run = factories.trained_run(inside, model, data, "logistic", "lightgbm")

    assert run.state == RunState.SUCCEEDED
    assert [row["name"] for row in run.result["candidates"]] == ["logistic", "lightgbm"]
    assert run.result["conversion"]["holds"]
    assert "limits" in run.isolation
    assert "logistic: fold 1 of 3" in run.log
    artifact = run.artifacts.get()
    assert (artifact.format, artifact.state, artifact.sha256) == (
        "onnx",
        ArtifactState.ACCEPTED,
        run.result["artifact"]["sha256"],
    )
    assert RunMetric.objects.filter(run=run, part="cv", metric="roc_auc").count() == 2
    assert RunMetric.objects.filter(run=run, part="test", metric="roc_auc").count() == 1
    lines = RunLine.objects.filter(run=run)
    assert [line.candidate["name"] for line in lines if line.candidate] == ["logistic", "lightgbm"]
    assert Job.objects.get(subject_id=run.pk).state == JobState.SUCCEEDED
    assert faults() == []


def test_training_that_fails_keeps_its_sentence_and_log(inside: Cast, model: Any, data: Any) -> None:
    run = factories.trained_run(inside, model, data, recipe=recipe("logistic", positive="perhaps"))

    assert run.state == RunState.FAILED
    assert run.error == "The positive value 'perhaps' does not occur in target."
    assert Job.objects.get(subject_id=run.pk).state == JobState.FAILED
    assert Record.objects.filter(action="run.failed", subject_id=str(run.pk)).exists()


def test_training_on_data_that_nobody_signed_off_is_refused(inside: Cast, model: Any, data: Any) -> None:
    data.state, data.signed_off_at = "profiled", None
    data.save()

    with pytest.raises(Refused, match="not signed off as fit"):
        factories.queued_run(inside, model, data)


def test_training_on_data_of_another_project_is_refused(inside: Cast, model: Any) -> None:
    other = project_at(inside, "approved", key="other")

    with pytest.raises(Refused, match="belongs to another project"):
        factories.queued_run(inside, model, factories.signed_off_data(inside, other, key="other"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": "delay"}, "is the target and cannot be a feature"),
        ({"target": "at"}, "predicts target, but the recipe learns at"),
        ({"task": "regression", "candidates": [{"estimator": "ridge"}]}, "is a classification, but the recipe learns"),
        ({"features": [{"name": "speed", "kind": "number"}]}, "The data have no column speed."),
        ({"candidates": [{"estimator": "svm"}]}, "candidates 1 estimator: must be one of"),
    ],
)
def test_recipe_that_does_not_fit_is_refused_before_any_work(
    inside: Cast, model: Any, data: Any, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(Invalid) as caught:
        factories.queued_run(inside, model, data, recipe=recipe("logistic", **changes))

    assert said in caught.value.sentence
    assert not TrainingRun.objects.exists()


def test_recipe_may_be_yaml(inside: Cast, model: Any, data: Any) -> None:
    text = (
        "task: classification\ntarget: target\nfeatures: [{name: hour, kind: integer}]\n"
        "candidates: [{estimator: logistic}]"
    )

    assert factories.queued_run(inside, model, data, recipe=text).recipe["metric"] == "roc_auc"


def test_cancel_before_the_worker_began_ends_the_run(inside: Cast, model: Any, data: Any) -> None:
    run = factories.queued_run(inside, model, data)

    run = actions.cancel_training(run=run, by=inside.dario)

    assert run.state == RunState.CANCELLED
    with pytest.raises(IllegalMove):
        actions.cancel_training(run=run, by=inside.dario)


def test_cancel_while_the_worker_trains_ends_without_result(
    inside: Cast, model: Any, data: Any, run_work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.work import jobs

    run = factories.queued_run(inside, model, data)

    def asked(self: jobs.Running) -> bool:
        self.is_cancelled = True
        return True

    monkeypatch.setattr(jobs.Running, "cancelled", asked)

    run_work(inside.meridian)

    run.refresh_from_db()
    assert (run.state, run.artifacts.count()) == (RunState.CANCELLED, 0)
    assert run.error == "This was cancelled before it finished."


def test_run_delivered_twice_has_one_result(inside: Cast, model: Any, data: Any, run_work: Any) -> None:
    from apps.models.tasks import train

    run = factories.trained_run(inside, model, data)
    job = Job.objects.get(subject_id=run.pk)

    train.run(str(inside.meridian.pk), str(job.pk))

    assert Artifact.objects.filter(run=run).count() == 1
    assert Record.objects.filter(action="run.succeeded").count() == 1


def test_worker_killed_between_claim_and_end_is_followed_by_another(inside: Cast, model: Any, data: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from apps.models.tasks import train

    run = factories.queued_run(inside, model, data)
    job = Job.objects.get(subject_id=run.pk)
    job.state, job.attempts, job.lease_until = JobState.RUNNING, 1, timezone.now() - timedelta(seconds=1)
    job.save()

    train.run(str(inside.meridian.pk), str(job.pk))

    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED
    assert run.lines.first().text == "The worker stopped; another one begins from the start."
    assert Artifact.objects.filter(run=run).count() == 1


def test_upload_is_accepted_by_the_gate(inside: Cast, regression: Any, run_work: Any) -> None:
    artifact = upload(inside, regression, hostile.honest(), run_work)

    assert (artifact.state, artifact.format, artifact.stops) == (ArtifactState.ACCEPTED, "onnx", [])
    assert artifact.signature["graph"] == {"layout": "matrix", "value": "value"}
    assert actions.register_version(model=regression, artifact=artifact, by=inside.dario).number == 1


def test_pickle_named_onnx_is_refused_with_a_sentence(inside: Cast, regression: Any, run_work: Any) -> None:
    artifact = upload(inside, regression, b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.", run_work)

    assert artifact.state == ArtifactState.REFUSED
    assert artifact.stops[0].startswith("This file is a Python pickle, although its name ends in .onnx.")
    with pytest.raises(Refused, match=r"The gate refused this artifact\. This file is a Python pickle"):
        actions.register_version(model=regression, artifact=artifact, by=inside.dario)


def test_onnx_with_external_data_is_refused_with_a_sentence(inside: Cast, regression: Any, run_work: Any) -> None:
    build, _ = hostile.HOSTILE["external path outside"]

    artifact = upload(inside, regression, build().SerializeToString(), run_work)

    assert artifact.stops == ["1 of its tensors point to files outside the model. Save it with its weights inside."]


def test_upload_that_crashes_its_library_is_refused(
    inside: Cast, regression: Any, run_work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.core import sandbox
    from apps.models import tasks

    def crash(*_: Any, **__: Any) -> None:
        raise sandbox.Crashed("The calculation crashed (SIGSEGV). The file broke the library.", signal=11)

    monkeypatch.setattr(tasks.sandbox, "run", crash)

    artifact = upload(inside, regression, hostile.honest(), run_work)

    assert artifact.state == ArtifactState.REFUSED
    assert artifact.stops == ["The calculation crashed (SIGSEGV). The file broke the library."]


def test_upload_with_a_signature_for_another_question_is_refused_at_once(inside: Cast, model: Any) -> None:
    with pytest.raises(Invalid, match="is a classification; the signature says regression"):
        actions.upload_artifact(model=model, file=io.BytesIO(b"x"), name="m.onnx", signature=SIGNATURE, by=inside.dario)
    assert not Artifact.objects.exists()


def test_artifact_that_waits_for_the_gate_cannot_be_registered(inside: Cast, regression: Any) -> None:
    artifact = actions.upload_artifact(
        model=regression, file=io.BytesIO(hostile.honest()), name="m.onnx", signature=SIGNATURE, by=inside.dario
    )

    with pytest.raises(Conflict, match="has not looked at this artifact yet"):
        actions.register_version(model=regression, artifact=artifact, by=inside.dario)


def test_run_is_registered_once(inside: Cast, model: Any, data: Any) -> None:
    version = factories.draft(inside, model, data)

    with pytest.raises(Conflict, match="registered already, as version 1"):
        actions.register_version(model=model, run=version.run, by=inside.dario)


def test_card_of_the_version_before_is_carried_over(inside: Cast, model: Any, data: Any) -> None:
    first = factories.draft(inside, model, data)
    actions.write_card(version=first, written=WRITTEN, by=inside.dario)

    second = factories.draft(inside, model, data)

    card = second.card
    assert card is not None
    assert (card.revision, card.written, card.reason) == (1, WRITTEN, "Carried over from version 1.")


def test_submit_needs_a_complete_card(inside: Cast, model: Any, data: Any) -> None:
    version = factories.draft(inside, model, data)
    actions.write_card(version=version, written={"intended_use": "Gates."}, by=inside.dario)

    with pytest.raises(Refused, match="Write: Out of scope, Limitations"):
        actions.submit_version(version=version, by=inside.dario)


def test_card_keeps_every_revision(inside: Cast, model: Any, data: Any) -> None:
    version = factories.draft(inside, model, data)
    actions.write_card(version=version, written={"intended_use": "Gates."}, by=inside.dario)
    actions.write_card(version=version, written={"intended_use": "Gates and crews."}, by=inside.dario)

    assert [card.written["intended_use"] for card in version.cards.order_by("revision")] == [
        "Gates.",
        "Gates and crews.",
    ]
    with pytest.raises(Conflict, match="Nothing in the card has changed"):
        actions.write_card(version=version, written={"intended_use": "Gates and crews."}, by=inside.dario)


def test_who_made_a_version_cannot_validate_it(inside: Cast, model: Any, data: Any) -> None:
    version = factories.version_at(inside, "candidate", model=model, data=data)
    assign_role(scope=model.project, role="validator", user=inside.dario, by=inside.odile)

    with pytest.raises(Refused, match=r"You cannot validate Late arrivals version 1: you trained it"):
        actions.mark_validated(version=version, by=inside.dario)
    with (
        pytest.raises(IntegrityError, match="Who made a version may not validate it"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "update models_modelversion set validated_by_id = %s, validated_at = now() where id = %s",
            [inside.dario.pk, version.pk],
        )


def test_registered_version_cannot_be_changed(inside: Cast, model: Any, data: Any) -> None:
    version = factories.draft(inside, model, data)

    with pytest.raises(IntegrityError, match="cannot be changed"), transaction.atomic():
        version.signature = {}
        version.save()


def test_approval_walks_to_approved_on_frozen_evidence(inside: Cast, model: Any, data: Any) -> None:
    version = factories.version_at(inside, "validated", model=model, data=data)

    request = actions.request_approval(version=version, by=inside.dario, message="Ready.")

    assert request.snapshot["artifact"]["sha256"] == version.artifact.sha256
    assert request.snapshot["data"]["sha256"] == data.sha256
    assert {conflict.user: conflict.why for conflict in request.conflicts.all()} == {
        inside.dario: "asked for this decision"
    }
    sign_all(inside, request)
    version = fresh(version)
    assert (version.state, version.approved_at is not None) == (VersionState.APPROVED, True)
    assert faults() == []


def test_evidence_of_higher_apps_is_frozen_and_their_people_may_not_sign(inside: Cast, model: Any, data: Any) -> None:
    version = factories.version_at(inside, "validated", model=model, data=data)

    def add(evidence: dict[str, Any], conflicts: dict[Any, str], **_: Any) -> None:
        evidence["validation"] = {"verdict": "passed"}
        conflicts[inside.vera] = "validated it"

    signals.gathering_evidence.connect(add, dispatch_uid="test")
    try:
        request = actions.request_approval(version=version, by=inside.dario)
    finally:
        signals.gathering_evidence.disconnect(dispatch_uid="test")

    assert request.snapshot["validation"] == {"verdict": "passed"}
    assert inside.vera in [conflict.user for conflict in request.conflicts.all()]


def test_higher_app_may_object_to_an_approval(inside: Cast, model: Any, data: Any) -> None:
    version = factories.version_at(inside, "validated", model=model, data=data)

    def object_to(**_: Any) -> None:
        raise Refused("A blocking finding is open.")

    signals.gathering_evidence.connect(object_to, dispatch_uid="test")
    try:
        with pytest.raises(Refused, match="A blocking finding is open"):
            actions.request_approval(version=version, by=inside.dario)
    finally:
        signals.gathering_evidence.disconnect(dispatch_uid="test")


def test_changed_card_invalidates_what_waits_for_signatures(inside: Cast, model: Any, data: Any) -> None:
    version = factories.version_at(inside, "validated", model=model, data=data)
    request = actions.request_approval(version=version, by=inside.dario)

    actions.write_card(version=version, written={"limitations": "Winter."}, by=inside.dario)

    request.refresh_from_db()
    assert request.state == RequestState.INVALIDATED
    assert actions.request_approval(version=fresh(version), by=inside.dario).is_open


def test_declined_version_is_rejected(inside: Cast, model: Any, data: Any) -> None:
    version = factories.version_at(inside, "validated", model=model, data=data)
    request = actions.request_approval(version=version, by=inside.dario)

    approvals.decline(request=request, reason="Too risky.", by=inside.rhea, confirmed=True)

    assert fresh(version).state == VersionState.REJECTED


def test_withdrawn_request_leaves_the_version_validated(inside: Cast, model: Any, data: Any) -> None:
    version = factories.version_at(inside, "validated", model=model, data=data)
    request = actions.request_approval(version=version, by=inside.dario)

    approvals.withdraw(request=request, by=inside.dario)

    assert fresh(version).state == VersionState.VALIDATED
    assert not fresh(version).is_waiting


def test_lost_approval_makes_it_validated_again(inside: Cast, model: Any, data: Any) -> None:
    version = factories.version_at(inside, "approved", model=model, data=data)

    approvals.invalidate(request=version.approval, because="The charter changed.", by=inside.odile)

    assert (fresh(version).state, fresh(version).approved_at) == (VersionState.VALIDATED, None)


def test_champion_is_an_approved_version_named_by_an_operator(inside: Cast, model: Any, data: Any) -> None:
    version = factories.version_at(inside, "validated", model=model, data=data)
    with pytest.raises(Refused, match="only an approved version can be champion"):
        actions.set_alias(model=model, name="champion", version=version, by=inside.otto)
    with pytest.raises(Refused, match="operator"):
        actions.set_alias(model=model, name="champion", version=version, by=inside.dario)
    sign_all(inside, actions.request_approval(version=version, by=inside.dario))

    actions.set_alias(model=model, name="champion", version=fresh(version), reason="First.", by=inside.otto)

    assert model.champion == version


def test_alias_moves_and_keeps_its_history(inside: Cast, model: Any, data: Any) -> None:
    first, second = factories.draft(inside, model, data), factories.draft(inside, model, data)
    actions.set_alias(model=model, name="shadow", version=first, by=inside.dario)
    alias = actions.set_alias(model=model, name="shadow", version=second, by=inside.dario)

    actions.drop_alias(alias=alias, by=inside.dario)

    history = Alias.history.filter(name="shadow").order_by("history_id")
    assert [row.version_id for row in history] == [first.pk, second.pk, second.pk]
    assert [
        entry.details["after"] for entry in Record.objects.filter(action__startswith="alias.").order_by("sequence")
    ] == [
        {"shadow": 1},
        {"shadow": 2},
        {"shadow": None},
    ]


def test_archive_is_refused_while_a_name_points_at_it(inside: Cast, model: Any, data: Any) -> None:
    version = factories.draft(inside, model, data)
    alias = actions.set_alias(model=model, name="shadow", version=version, by=inside.dario)
    with pytest.raises(Conflict, match=r"is shadow\. Point the name at another version first"):
        actions.archive_version(version=version, by=inside.dario)

    actions.drop_alias(alias=alias, by=inside.dario)

    assert actions.archive_version(version=version, by=inside.dario).state == VersionState.ARCHIVED


def test_retired_model_gets_nothing_new(inside: Cast, model: Any, data: Any) -> None:
    actions.retire_model(model=model, reason="Replaced.", by=inside.bianca)

    for attempt in (
        lambda: factories.queued_run(inside, model, data),
        lambda: actions.change_model(model=model, changes={"name": "x"}, by=inside.dario),
        lambda: actions.retire_model(model=model, by=inside.bianca),
    ):
        with pytest.raises(IllegalMove, match="is retired"):
            attempt()


def test_grant_on_a_model_lets_somebody_see_and_train_only_that(inside: Cast, model: Any, data: Any) -> None:
    from apps.organizations import access
    from apps.organizations.actions import grant
    from apps.organizations.roles import Permission

    version = factories.draft(inside, model, data)
    other = factories.model_of(inside, model.project, key="other")
    assert not access.can(inside.mina, Permission.VIEW, version)

    grant(thing=model, permission="train", user=inside.mina, by=inside.odile)

    assert access.can(inside.mina, Permission.TRAIN, version)
    assert not access.can(inside.mina, Permission.VIEW, other)
    assert list(access.visible(ModelVersion.objects.all(), inside.mina)) == [version]
    assert list(access.visible(ModelCard.objects.all(), inside.mina)) == []


def test_every_error_of_this_app_is_a_domain_error(inside: Cast, model: Any) -> None:
    with pytest.raises(DomainError):
        actions.register_version(model=model, by=inside.dario)
