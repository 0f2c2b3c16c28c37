"""Pages of models, as the people of the cast use them."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.tenancy import tenant
from apps.models import actions
from apps.models.models import Artifact, ModelVersion, RegisteredModel, RunState, TrainingRun, VersionState
from tests.cast import Cast
from tests.models import factories
from tests.models.engine import hostile
from tests.models.engine.samples import recipe
from tests.models.factories import WRITTEN
from tests.projects.factories import project_at

HOME = "/o/meridian/models/"
MODEL = f"{HOME}late-arrivals/"
VERSION = f"{MODEL}versions/1/"


def words(response: Any) -> str:
    """The page's text without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def at(cast: Cast) -> Any:
    """`at(state)` makes a version in that state and leaves the tenant."""

    def make(state: str) -> ModelVersion:
        with tenant(cast.meridian.pk):
            return factories.version_at(cast, state)

    return make


@pytest.fixture
def model(cast: Cast) -> RegisteredModel:
    """A model with data to train on; no tenant is open."""
    with tenant(cast.meridian.pk):
        made = factories.model_of(cast)
        factories.signed_off_data(cast, made.project)
        return made


PAGES = [
    "", "edit/", "train/", "upload/", "names/", "names/set/", "uploads/", "runs/", "runs/compare/", "runs/1/",
    "runs/1/live/", "versions/compare/", "versions/1/", "versions/1/card/", "versions/1/card/write/",
    "versions/1/card.md",    "versions/1/card.json",
]  # fmt: skip


def test_every_page_opens_for_the_data_scientist_and_not_for_outsiders(cast: Cast, at: Any, sign_in: Any) -> None:
    at("candidate")
    inside, without_role, outside = sign_in(cast.dario), sign_in(cast.mina), sign_in(cast.mallory)

    assert {page: inside.get(f"{MODEL}{page}").status_code for page in PAGES} == dict.fromkeys(PAGES, 200)
    assert {page: without_role.get(f"{MODEL}{page}").status_code for page in PAGES} == dict.fromkeys(PAGES, 404)
    assert {page: outside.get(f"{MODEL}{page}").status_code for page in PAGES} == dict.fromkeys(PAGES, 404)
    assert inside.get(HOME).status_code == 200


def test_forms_do_not_open_for_a_viewer(cast: Cast, at: Any, sign_in: Any) -> None:
    at("validated")
    viewer = sign_in(cast.wim)
    forms = ["edit/", "train/", "upload/", "names/set/", "versions/1/card/write/", "versions/1/request-approval/",
             "versions/1/reject/", "versions/1/archive/", "versions/1/return/"]  # fmt: skip

    assert {page: viewer.get(f"{MODEL}{page}").status_code for page in forms} == dict.fromkeys(forms, 403)


def test_register_train_and_register_version_through_the_pages(
    cast: Cast, sign_in: Any, run_work: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with tenant(cast.meridian.pk):
        project = project_at(cast, "approved")
        data = factories.signed_off_data(cast, project)
    dario = sign_in(cast.dario)
    given = {
        "project": project.pk,
        "name": "Late",
        "key": "late-arrivals",
        "kind": "classification",
        "target": "target",
    }
    assert dario.post(f"{HOME}new/", given).status_code == 303

    form = dario.get(f"{MODEL}train/").context["form"]
    assert "estimator: lightgbm" in form.initial["recipe"]
    text = (
        "task: classification\ntarget: target\nfeatures: [{name: hour, kind: integer}]\n"
        "candidates: [{estimator: logistic}]\n"
    )
    started = dario.post(f"{MODEL}train/", {"dataset_version": data.pk, "recipe": text, "reason": "First."})
    assert started.headers["Location"] == f"{MODEL}runs/1/"
    assert "Waiting for a worker." in words(dario.get(f"{MODEL}runs/1/"))

    run_work(cast.meridian)

    page = words(dario.get(f"{MODEL}runs/1/"))
    assert "Logistic regression" in page
    assert "worst difference" in page
    assert dario.get(f"{MODEL}runs/1/live/").headers["HX-Refresh"] == "true"
    registered = dario.post(f"{MODEL}runs/1/register/", {"note": "The first."})
    assert registered.headers["Location"] == VERSION
    assert "The model card is not complete" in words(dario.get(VERSION))


def test_live_part_shows_lines_and_candidates_while_it_runs(cast: Cast, model: Any, sign_in: Any) -> None:
    with tenant(cast.meridian.pk):
        run = factories.queued_run(cast, model, model.project.datasets.get().versions.get())
        row = {"name": "Ridge", "title": "Ridge", "mean": 0.71, "sd": 0.01, "folds": [0.7, 0.72], "seconds": 1.5}
        actions.say(run_id=run.pk, text="Ridge: roc_auc 0.7100", candidate=row)

    live = sign_in(cast.dario).get(f"{MODEL}runs/1/live/")

    assert "HX-Refresh" not in live.headers
    assert "Ridge: roc_auc 0.7100" in words(live)
    assert "0.7100" in words(live)


def test_cancel_through_the_page(cast: Cast, model: Any, sign_in: Any) -> None:
    with tenant(cast.meridian.pk):
        run = factories.queued_run(cast, model, model.project.datasets.get().versions.get())

    sign_in(cast.dario).post(f"{MODEL}runs/1/cancel/")

    with tenant(cast.meridian.pk):
        assert TrainingRun.objects.get(pk=run.pk).state == RunState.CANCELLED


def test_recipe_with_mistakes_is_shown_again_with_what_was_typed(cast: Cast, model: Any, sign_in: Any) -> None:
    with tenant(cast.meridian.pk):
        data = model.project.datasets.get().versions.get()

    response = sign_in(cast.dario).post(f"{MODEL}train/", {"dataset_version": data.pk, "recipe": "task: guess"})

    assert response.status_code == 422
    assert "task: must be one of classification, regression" in words(response)
    assert "task: guess" in response.content.decode()


def test_upload_of_a_pickle_named_onnx_ends_with_a_sentence(
    cast: Cast, model: Any, sign_in: Any, run_work: Any
) -> None:
    dario = sign_in(cast.dario)
    file = SimpleUploadedFile("model.onnx", b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.")
    text = "{task: binary, target: target, inputs: [{name: a, type: number}], classes: [false, true]}"

    posted = dario.post(f"{MODEL}upload/", {"file": file, "signature": text})
    run_work(cast.meridian)

    page = words(dario.get(posted.headers["Location"]))
    assert "The gate refused this file" in page
    assert "This file is a Python pickle, although its name ends in .onnx." in page


def test_upload_over_the_limit_keeps_nothing(cast: Cast, model: Any, sign_in: Any, settings: Any) -> None:
    settings.TENURE_UPLOAD_LIMIT = 100
    text = "{task: binary, target: target, inputs: [{name: a, type: number}], classes: [false, true]}"

    response = sign_in(cast.dario).post(
        f"{MODEL}upload/", {"file": SimpleUploadedFile("m.onnx", b"x" * 101), "signature": text}
    )

    assert response.status_code == 413, words(response)
    assert "Nothing was kept" in words(response)
    with tenant(cast.meridian.pk):
        assert not Artifact.objects.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{task: [", "This is not valid YAML"),
        ("[]", "A signature is a JSON object"),
        ("{task: binary}", "inputs must be a list"),
    ],
)
def test_signature_that_is_none_is_shown_again(cast: Cast, model: Any, sign_in: Any, text: str, said: str) -> None:
    file = SimpleUploadedFile("m.onnx", hostile.honest())

    response = sign_in(cast.dario).post(f"{MODEL}upload/", {"file": file, "signature": text})

    assert response.status_code == 422
    assert said in words(response)


def test_artifact_is_downloaded_byte_for_byte(cast: Cast, at: Any, sign_in: Any) -> None:
    version = at("draft")
    path = f"{MODEL}uploads/{version.artifact_id}/download/"

    response = sign_in(cast.vera).get(path)

    content = b"".join(response.streaming_content)
    assert len(content) == version.artifact.size
    assert response.headers["ETag"] == f'"{version.artifact.sha256}"'
    assert sign_in(cast.mallory).get(path).status_code == 404


def test_card_is_written_and_downloaded(cast: Cast, at: Any, sign_in: Any) -> None:
    at("draft")
    dario = sign_in(cast.dario)

    assert dario.post(f"{VERSION}card/write/", {**WRITTEN, "reason": "First words."}).status_code == 303

    page = words(dario.get(f"{VERSION}card/"))
    assert "Something about limitations." in page
    assert "Revision 1" in page
    assert "## Limitations\n\nSomething about limitations." in dario.get(f"{VERSION}card.md").content.decode()
    assert dario.get(f"{VERSION}card.json").json()["complete"] is True


def test_version_walks_to_the_approval_request(cast: Cast, at: Any, sign_in: Any) -> None:
    version = at("draft")
    dario = sign_in(cast.dario)
    refused = dario.post(f"{VERSION}submit/", follow=True)
    assert "The model card is not complete" in words(refused)
    dario.post(f"{VERSION}card/write/", WRITTEN)
    dario.post(f"{VERSION}submit/")
    with tenant(cast.meridian.pk):
        actions.mark_validated(version=version, by=cast.vera)

    asked = dario.post(f"{VERSION}request-approval/", {"message": "Please."})

    assert asked.status_code == 303
    assert "Waits for signatures" in words(dario.get(VERSION))


def test_reject_asks_for_a_reason(cast: Cast, at: Any, sign_in: Any) -> None:
    version = at("candidate")
    vera = sign_in(cast.vera)
    assert vera.post(f"{VERSION}reject/", {"reason": ""}).status_code == 422

    vera.post(f"{VERSION}reject/", {"reason": "Leaks the answer."})

    with tenant(cast.meridian.pk):
        assert factories.fresh(version).state == VersionState.REJECTED


def test_names_page_shows_where_they_pointed_before(cast: Cast, at: Any, sign_in: Any) -> None:
    version = at("approved")
    otto = sign_in(cast.otto)
    otto.post(f"{MODEL}names/set/", {"name": "champion", "version": version.pk, "reason": "First in office."})
    assert "champion" in words(otto.get(VERSION))

    otto.post(f"{MODEL}names/champion/drop/", {"reason": "Out."})

    page = words(otto.get(f"{MODEL}names/"))
    assert "nothing (taken away)" in page
    assert "First in office." in page


def test_versions_and_runs_are_compared_side_by_side(cast: Cast, model: Any, sign_in: Any) -> None:
    with tenant(cast.meridian.pk):
        data = model.project.datasets.get().versions.get()
        first = factories.trained_run(cast, model, data, "logistic")
        second = factories.trained_run(cast, model, data, recipe=recipe("random_forest", seed=3))
        for run in (first, second):
            actions.register_version(model=model, run=run, by=cast.dario)
    dario = sign_in(cast.dario)

    runs = words(dario.get(f"{MODEL}runs/compare/?run=1&run=2"))
    versions = words(dario.get(f"{MODEL}versions/compare/?version=1&version=2"))

    for page in (runs, versions):
        assert "Figures on test rows" in page
        assert "Best" in page
        assert "Differs" in page
    assert "Run 1" in runs
    assert "Version 2" in versions


def test_list_takes_the_same_number_of_queries_with_one_and_with_many(cast: Cast, model: Any, sign_in: Any) -> None:
    dario = sign_in(cast.dario)
    dario.get(HOME)
    with CaptureQueriesContext(
        connection,
    ) as one:
        dario.get(HOME)
    with tenant(cast.meridian.pk):
        for number in range(12):
            factories.model_of(cast, model.project, key=f"more-{number}")

    with CaptureQueriesContext(connection) as many:
        response = dario.get(HOME)

    assert len(response.context["page"].object_list) == 13
    assert len(many) == len(one)


def test_list_is_exported_as_csv(cast: Cast, model: Any, sign_in: Any) -> None:
    lines = sign_in(cast.dario).get(f"{HOME}?format=csv").content.decode().splitlines()

    assert lines[0].startswith("Key,Name,Project,Kind")
    assert lines[1].startswith("late-arrivals,Late arrivals,Late arrivals,classification,target,")


def test_key_that_is_a_word_of_the_address_is_refused(cast: Cast, sign_in: Any) -> None:
    with tenant(cast.meridian.pk):
        project = project_at(cast, "approved")

    given = {"project": project.pk, "name": "New", "key": "new", "kind": "classification", "target": "x"}
    response = sign_in(cast.dario).post(f"{HOME}new/", given)

    assert response.status_code == 422
    assert "is a word of the address" in words(response)


def test_register_button_says_why_it_may_not_be_pressed(cast: Cast, model: Any, sign_in: Any) -> None:
    for user, refused in ((cast.dario, False), (cast.vera, True), (cast.audrey, True), (cast.odile, True)):
        assert bool(sign_in(user).get(HOME).context["primary"].refused) is refused


def test_auditor_sees_everything_and_changes_nothing(cast: Cast, at: Any, sign_in: Any) -> None:
    version = at("approved")
    audrey = sign_in(cast.audrey)

    assert audrey.get(VERSION).status_code == 200
    assert audrey.get(f"/admin/models/modelversion/{version.pk}/change/").status_code in (200, 302)
    assert audrey.post(f"{VERSION}submit/").status_code == 403


def test_file_of_another_tenant_is_not_there(cast: Cast, at: Any, sign_in: Any) -> None:
    version = at("draft")

    assert (
        sign_in(cast.mallory).get(f"/o/harbor/models/late-arrivals/uploads/{version.artifact_id}/download/").status_code
        == 404
    )


def test_upload_is_streamed_and_hashed(cast: Cast, model: Any) -> None:
    import hashlib

    content = hostile.honest()
    with tenant(cast.meridian.pk):
        made = factories.model_of(cast, model.project, key="minutes", kind="regression")
        artifact = actions.upload_artifact(
            model=made,
            file=io.BytesIO(content),
            name="../../m.onnx",
            signature={**hostile.SIGNATURE, "target": "target"},
            by=cast.dario,
        )

    assert artifact.sha256 == hashlib.sha256(content).hexdigest()
    assert artifact.path.startswith(f"{cast.meridian.pk}/models/")
    assert ".." not in artifact.path
