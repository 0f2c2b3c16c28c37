"""API of models: the same verbs with keys and numbers, problem bodies for what does not fit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.core.tenancy import tenant
from apps.models import actions
from tests.cast import Cast
from tests.models import factories
from tests.models.engine import hostile
from tests.models.engine.samples import recipe
from tests.models.factories import WRITTEN
from tests.projects.factories import project_at

API = "/o/meridian/api/v1/models/"
MODEL = f"{API}late-arrivals/"


@pytest.fixture
def data(cast: Cast) -> Any:
    """Signed-off data of an approved project; no tenant is open."""
    with tenant(cast.meridian.pk):
        return factories.signed_off_data(cast, project_at(cast, "approved"))


def post(client: Any, path: str, body: Any = None) -> Any:
    """A JSON POST."""
    return client.post(path, json.dumps(body or {}), content_type="application/json")


def test_whole_way_of_a_version_through_the_api(cast: Cast, data: Any, sign_in: Any, run_work: Any) -> None:
    dario, otto = sign_in(cast.dario), sign_in(cast.otto)
    made = post(
        dario,
        API,
        {
            "project": "late-arrivals",
            "key": "late-arrivals",
            "name": "Late",
            "kind": "classification",
            "target": "target",
        },
    )
    assert made.status_code == 201, made.content
    started = post(dario, f"{MODEL}runs/", {"dataset_version": "flights@1", "recipe": recipe("logistic")})
    assert (started.status_code, started.json()["state"]) == (201, "running")
    run_work(cast.meridian)

    run = dario.get(f"{MODEL}runs/1/").json()
    assert run["state"] == "succeeded"
    assert run["result"]["chosen"] == "logistic"
    assert "fold 1 of 3" in dario.get(f"{MODEL}runs/1/log/").json()["log"]
    version = post(dario, f"{MODEL}versions/", {"run": 1, "note": "First."})
    assert (version.status_code, version.json()["number"], version.json()["dataset_version"]) == (201, 1, "flights@1")
    assert post(dario, f"{MODEL}versions/1/submit/").status_code == 403
    card = post(dario, f"{MODEL}versions/1/write-card/", {"written": WRITTEN})
    assert card.json()["revision"] == 1
    assert post(dario, f"{MODEL}versions/1/submit/").json()["state"] == "candidate"
    with tenant(cast.meridian.pk):
        actions.mark_validated(version=factories.ModelVersion.objects.get(), by=cast.vera)
    assert post(dario, f"{MODEL}versions/1/request-approval/").json()["approval"]
    assert dario.get(f"{MODEL}versions/1/card/").json()["complete"] is True
    assert post(otto, f"{MODEL}aliases/", {"name": "champion", "version": 1}).status_code == 403
    assert post(dario, f"{MODEL}aliases/", {"name": "shadow", "version": 1}).json()["version"] == 1
    assert dario.get(f"{MODEL}versions/1/").json()["aliases"] == ["shadow"]
    assert post(dario, f"{MODEL}aliases/shadow/drop/").status_code == 200


def test_illegal_move_answers_with_the_legal_ones(cast: Cast, sign_in: Any) -> None:
    with tenant(cast.meridian.pk):
        factories.version_at(cast, "candidate")

    answer = post(sign_in(cast.dario), f"{MODEL}versions/1/submit/")

    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["legal"] == ["validated", "rejected", "archived"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "dataset_version"),
        ({"dataset_version": "flights", "recipe": {}}, "dataset_version"),
        ({"dataset_version": "flights@9", "recipe": {}}, "dataset_version"),
        ({"dataset_version": "flights@1", "recipe": {}}, "recipe"),
        ({"dataset_version": "flights@1", "recipe": [1]}, "recipe"),
        ({"dataset_version": "flights@1", "recipe": "task: ["}, "recipe"),
    ],
)
def test_bad_training_answers_422_with_the_field(cast: Cast, data: Any, sign_in: Any, body: Any, said: str) -> None:
    with tenant(cast.meridian.pk):
        factories.model_of(cast, data.dataset.project)

    answer = post(sign_in(cast.dario), f"{MODEL}runs/", body)

    assert answer.status_code == 422, answer.content
    assert list(answer.json()["errors"]) == [said] or said in answer.json()["errors"]


def test_upload_through_the_api(cast: Cast, data: Any, sign_in: Any, run_work: Any) -> None:
    with tenant(cast.meridian.pk):
        factories.model_of(cast, data.dataset.project, kind="regression")
    dario = sign_in(cast.dario)
    signature = json.dumps({**hostile.SIGNATURE, "target": "target"})

    sent = dario.post(
        f"{MODEL}artifacts/", {"file": SimpleUploadedFile("m.onnx", hostile.honest()), "signature": signature}
    )
    run_work(cast.meridian)

    assert sent.status_code == 201
    artifact = dario.get(f"{MODEL}artifacts/{sent.json()['id']}/").json()
    assert (artifact["state"], artifact["format"]) == ("accepted", "onnx")
    assert post(dario, f"{MODEL}versions/", {"artifact": artifact["id"]}).json()["number"] == 1


def test_upload_without_a_signature_answers_422(cast: Cast, data: Any, sign_in: Any) -> None:
    with tenant(cast.meridian.pk):
        factories.model_of(cast, data.dataset.project)

    answer = sign_in(cast.dario).post(
        f"{MODEL}artifacts/", {"file": SimpleUploadedFile("m.onnx", b"x"), "signature": "{"}
    )

    assert answer.status_code == 422
    assert "signature" in answer.json()["errors"]


def test_outsiders_find_nothing(cast: Cast, sign_in: Any) -> None:
    with tenant(cast.meridian.pk):
        factories.version_at(cast, "draft")
    paths = ["", "runs/", "runs/1/", "versions/", "versions/1/", "versions/1/card/", "artifacts/", "aliases/"]

    for user in (cast.mina, cast.mallory):
        client = sign_in(user)
        assert {path: client.get(f"{MODEL}{path}").status_code for path in paths} == dict.fromkeys(paths, 404)


def test_who_may_not_is_told_so_before_the_body_is_read(cast: Cast, sign_in: Any) -> None:
    with tenant(cast.meridian.pk):
        factories.version_at(cast, "candidate")
    paths = ["runs/", "versions/", "artifacts/", "aliases/", "versions/1/write-card/", "versions/1/reject/"]
    viewer = sign_in(cast.wim)

    assert {path: post(viewer, f"{MODEL}{path}").status_code for path in paths} == dict.fromkeys(paths, 403)
    assert post(viewer, API).status_code == 403
