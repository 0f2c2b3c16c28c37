"""The prediction server over real HTTP."""

import contextlib
import json
import socket
import time
import uuid
from collections.abc import Iterator

import pytest

from apps.deployments.serving import records, spool
from tests.deployments import samples
from tests.deployments.conftest import Server

NAMES = [column["name"] for column in samples.SIGNATURE["inputs"]]


@pytest.fixture(autouse=True)
def _sample_endpoint(server: Server) -> Iterator[None]:
    server.tokens = {"good": samples.token()}
    server.route(samples.endpoint(server.sha256))
    yield


def recorded(server: Server) -> list[records.Call]:
    """Every call that lies in the spool."""
    reader = spool.Reader(server.config.spool)
    return [records.decode(payload, lambda facts: NAMES) for batch in reader.batches() for payload in batch.payloads]


def test_infer_two_rows(server: Server) -> None:
    answer = server.infer(samples.request() | {"id": "flight-7"})
    assert answer.status == 200
    assert answer.json["model_name"] == "late-arrivals"
    assert answer.json["model_version"] == "3"
    assert answer.json["id"] == "flight-7"
    score, label = answer.json["outputs"]
    assert (score["name"], score["datatype"], score["shape"]) == ("score", "FP64", [2])
    assert score["data"] == pytest.approx(
        [samples.expected(10, 3, "B6", False), samples.expected(0, 4, "AA", True)], abs=1e-6
    )
    assert label == {"name": "label", "datatype": "BOOL", "shape": [2], "data": [True, True]}


def test_answer_carries_version_and_request_id(server: Server) -> None:
    answer = server.infer(samples.request(), **{"X-Request-Id": "trace-1"})
    assert answer.headers["X-Request-Id"] == "trace-1"
    assert answer.headers["X-Model-Version"] == "3"


def test_ids_of_our_own_when_the_caller_has_none(server: Server) -> None:
    answer = server.infer(samples.request())
    assert uuid.UUID(answer.json["id"]).version == 7
    assert answer.headers["X-Request-Id"] == answer.json["id"]


def test_only_the_outputs_asked_for(server: Server) -> None:
    answer = server.infer(samples.request() | {"outputs": [{"name": "label"}]})
    assert [output["name"] for output in answer.json["outputs"]] == ["label"]
    assert set(recorded(server)[-1].predictions[0].outputs) == {"score", "label"}


def test_column_shape_and_nested_data(server: Server) -> None:
    body = samples.request(dep_delay=[1.5], month=[3], carrier=["AA"], weekend=[False])
    for tensor in body["inputs"]:
        tensor |= {"shape": [1, 1], "data": [tensor["data"]]}
    assert server.infer(body).json["outputs"][0]["data"] == pytest.approx(
        [samples.expected(1.5, 3, "AA", False)], abs=1e-6
    )


def test_unseen_category_is_answered(server: Server) -> None:
    body = samples.request(dep_delay=[1], month=[3], carrier=["ZZ"], weekend=[False])
    assert server.infer(body).status == 200


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"dep_delay": [1], "month": [3], "weekend": [True]}, "carrier is missing. Send it, or null."),
        (
            {"dep_delay": [1], "month": [3], "carrier": ["AA"], "weekend": [True], "plane": [1]},
            "plane is not an input of this model. Leave it out.",
        ),
        (
            {"dep_delay": [1, "late"], "month": [3, 3], "carrier": ["AA", "AA"], "weekend": [True, True]},
            "dep_delay in row 2 must be a number, not 'late'.",
        ),
        (
            {"dep_delay": [1], "month": [3.5], "carrier": ["AA"], "weekend": [True]},
            "month in row 1 must be a whole number, not 3.5.",
        ),
        ({"dep_delay": [1], "month": [None], "carrier": ["AA"], "weekend": [True]}, "month in row 1 must not be null."),
        ({"dep_delay": [1], "month": [3], "carrier": [7], "weekend": [True]}, "carrier in row 1 must be text, not 7."),
        (
            {"dep_delay": [True], "month": [3], "carrier": ["AA"], "weekend": [True]},
            "dep_delay in row 1 must be a number, not True.",
        ),
        (
            {"dep_delay": [1, 1e300], "month": [3, 3], "carrier": ["AA", "AA"], "weekend": [True, True]},
            "dep_delay in row 2 is too large",
        ),
        (
            {"dep_delay": [1], "month": [3], "carrier": ["AA"], "weekend": ["yes"]},
            "weekend in row 1 must be true or false, not 'yes'.",
        ),
        (
            {"dep_delay": [1, 2], "month": [3], "carrier": ["AA"], "weekend": [True]},
            "month has 1 rows, but dep_delay has 2.",
        ),
    ],
)
def test_features_that_do_not_fit(server: Server, columns: dict, sentence: str) -> None:
    answer = server.infer(samples.request(**columns))
    assert answer.status == 400
    assert sentence in answer.json["error"]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"{", 400, "The body is not JSON"),
        (b"", 400, "The body is not JSON"),
        (b"[]", 400, "must be a JSON object"),
        (b"\xff\xfe\x00", 400, "The body"),
        (b"[" * 5000, 400, "The body"),
        (b'{"inputs": []}', 400, "must be a list of tensors"),
        (
            b'{"inputs": [{"name": "month", "shape": [1], "datatype": "FP64", "data": [NaN]}]}',
            400,
            "NaN is not JSON. For a value that is missing, send null.",
        ),
        (
            b'{"inputs": [{"name": "month", "shape": [1], "datatype": "FP64", "data": [-Infinity]}]}',
            400,
            "Infinity is not JSON",
        ),
        (
            b'{"inputs": [{"name": "month", "shape": [2], "datatype": "FP64", "data": [1]}]}',
            400,
            "month has 1 values, but its shape [2] needs 2.",
        ),
        (
            b'{"inputs": [{"name": "month", "shape": [9000000000, 9000000000], "datatype": "FP64", "data": [1]}]}',
            400,
            "needs",
        ),
        (b'{"inputs": [{"name": "month", "shape": [-1], "datatype": "FP64", "data": []}]}', 400, "needs a shape"),
        (b'{"inputs": [{"name": "month", "shape": [0], "datatype": "FP64", "data": []}]}', 400, "holds 0 rows"),
        (
            b'{"inputs": [{"name": "month", "shape": [1], "datatype": "DATE", "data": [1]}]}',
            400,
            "month needs a datatype",
        ),
        (
            b'{"inputs": [{"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["\\ud800"]}]}',
            400,
            "not valid Unicode",
        ),
        (b'{"inputs": [{"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["a\\u0000"]}]}', 400, "NUL"),
        (
            b'{"id": 5, "inputs": [{"name": "month", "shape": [1], "datatype": "FP64", "data": [1]}]}',
            400,
            "“id” must be a text",
        ),
    ],
)
def test_bodies_that_are_no_request(server: Server, body: bytes, status: int, sentence: str) -> None:
    answer = server.infer(body)
    assert answer.status == status
    assert sentence in answer.json["error"]


def test_too_many_rows(server: Server) -> None:
    body = samples.request(dep_delay=[1] * 101, month=[3] * 101, carrier=["AA"] * 101, weekend=[True] * 101)
    answer = server.infer(body)
    assert answer.status == 400
    assert answer.json["error"] == "The request holds 101 rows; from 1 to 100 are allowed. Split it and send the parts."


def test_too_large(server: Server) -> None:
    answer = server.infer(b" " * 20_001)
    assert answer.status == 413


def test_wrong_content_type(server: Server) -> None:
    assert server.infer(samples.request(), **{"Content-Type": "application/x-www-form-urlencoded"}).status == 415
    assert server.infer(samples.request(), **{"Content-Encoding": "gzip"}).status == 415


def test_unknown_output(server: Server) -> None:
    answer = server.infer(samples.request() | {"outputs": [{"name": "reason"}]})
    assert (answer.status, answer.json) == (400, {"error": "This model has no output “reason”. It has: score, label."})


def test_no_token_or_a_wrong_one(server: Server) -> None:
    for token in ("", "guess", "gööd"):
        answer = server.infer(
            samples.request(),
            token="",
            **({"Authorization": f"Bearer {token}".encode().decode("latin-1")} if token else {}),
        )
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_expired_token(server: Server) -> None:
    server.tokens["old"] = samples.token(expires_at=time.time() - 1)
    server.tokens["young"] = samples.token(expires_at=time.time() + 60)
    server.route(samples.endpoint(server.sha256))
    assert server.infer(samples.request(), token="old").status == 401
    assert server.infer(samples.request(), token="young").status == 200


def test_token_of_another_organization_sees_nothing(server: Server) -> None:
    server.tokens["outsider"] = samples.token(organization="harbor", asks=[], sees=[])
    server.route(samples.endpoint(server.sha256))
    assert server.infer(samples.request(), token="outsider").status == 404
    for path in ("", "/models/late-arrivals", "/models/late-arrivals/ready"):
        assert server.get(f"/o/meridian/serve/v2{path}", token="outsider").status == 404


def test_token_that_sees_but_may_not_ask(server: Server) -> None:
    server.tokens["reader"] = samples.token(asks=[])
    server.route(samples.endpoint(server.sha256))
    answer = server.infer(samples.request(), token="reader")
    assert answer.status == 403
    assert "takes the scope “predict”" in answer.json["error"]
    assert server.get("/o/meridian/serve/v2/models/late-arrivals", token="reader").status == 200


def test_token_that_does_not_see_the_endpoint(server: Server) -> None:
    server.tokens["elsewhere"] = samples.token(asks=[], sees=[])
    server.route(samples.endpoint(server.sha256))
    assert server.infer(samples.request(), token="elsewhere").status == 404
    assert server.get("/o/meridian/serve/v2/models/late-arrivals", token="elsewhere").status == 404


def test_metadata(server: Server) -> None:
    assert server.get("/o/meridian/serve/v2", token="good").json == {"name": "tenure", "version": "1", "extensions": []}
    answer = server.get("/o/meridian/serve/v2/models/late-arrivals", token="good").json
    assert answer == {
        "name": "late-arrivals",
        "versions": ["3"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": "dep_delay", "datatype": "FP64", "shape": [-1]},
            {"name": "month", "datatype": "INT64", "shape": [-1]},
            {"name": "carrier", "datatype": "BYTES", "shape": [-1]},
            {"name": "weekend", "datatype": "BOOL", "shape": [-1]},
        ],
        "outputs": [
            {"name": "score", "datatype": "FP64", "shape": [-1]},
            {"name": "label", "datatype": "BOOL", "shape": [-1]},
        ],
    }
    assert server.get("/o/meridian/serve/v2/models/late-arrivals/ready", token="good").json == {
        "name": "late-arrivals",
        "ready": True,
    }


def test_versions_in_the_path(server: Server) -> None:
    base = "/o/meridian/serve/v2/models/late-arrivals/versions"
    assert server.get(f"{base}/3", token="good").json["versions"] == ["3"]
    assert server.get(f"{base}/3/ready", token="good").status == 200
    body = json.dumps(samples.request()).encode()
    assert server.ask("POST", f"{base}/3/infer", body, "good", {"Content-Type": "application/json"}).status == 200
    answer = server.ask("POST", f"{base}/2/infer", body, "good", {"Content-Type": "application/json"})
    assert (answer.status, answer.json) == (404, {"error": "Version 2 is not served at late-arrivals; version 3 is."})


def test_health_needs_no_token_and_tells_nothing(server: Server) -> None:
    for organization in ("meridian", "nowhere"):
        assert server.get(f"/o/{organization}/serve/v2/health/live").json == {"live": True}
        assert server.get(f"/o/{organization}/serve/v2/health/ready").json == {"ready": True}


def test_wrong_method_and_unknown_paths(server: Server) -> None:
    answer = server.get("/o/meridian/serve/v2/models/late-arrivals/infer", token="good")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert server.get("/o/meridian/serve/v2/models/none/ready", token="good").status == 404
    assert server.get("/elsewhere").status == 404


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"state": "off"}, 410, "was turned off"),
        ({"state": "created", "version": 0}, 503, "Nothing has been deployed"),
        (
            {"problem": "Version 3 ended the process that opened it."},
            503,
            "Version 3 ended the process that opened it.",
        ),
        ({"sha256": "0" * 64}, 503, "could not be opened"),
    ],
)
def test_endpoint_that_does_not_serve(server: Server, changes: dict, status: int, sentence: str) -> None:
    server.route(samples.endpoint(server.sha256, **changes))
    answer = server.infer(samples.request())
    assert answer.status == status
    assert sentence in answer.json["error"]
    assert server.get("/o/meridian/serve/v2/models/late-arrivals/ready", token="good").status == status


def test_artifact_that_is_not_the_approved_one(server: Server) -> None:
    (server.config.models / f"{'1' * 64}.onnx").write_bytes(samples.onnx_bytes(0.7))
    server.route(samples.endpoint("1" * 64))
    answer = server.infer(samples.request())
    assert answer.status == 503
    assert answer.json["error"] == "The artifact of version 3 could not be opened on this server."


def test_draining_endpoint_answers_and_says_so(server: Server) -> None:
    server.route(samples.endpoint(server.sha256, state="draining"))
    answer = server.infer(samples.request())
    assert (answer.status, answer.headers["Deprecation"]) == (200, "true")


def test_replaced_version_answers_after_the_swap(server: Server) -> None:
    other = server.model(samples.onnx_bytes(slope=0.9))
    server.route(samples.endpoint(other, version=4))
    answer = server.infer(samples.request(dep_delay=[1], month=[3], carrier=["AA"], weekend=[False]))
    assert answer.headers["X-Model-Version"] == "4"
    assert answer.json["outputs"][0]["data"] == pytest.approx(
        [samples.expected(1, 3, "AA", False, slope=0.9)], abs=1e-6
    )


def test_unreadable_table_leaves_the_old_one(server: Server) -> None:
    server.config.routes.write_bytes(b"{")
    time.sleep(0.3)
    assert server.infer(samples.request()).status == 200


def test_each_call_is_recorded_with_its_rows(server: Server) -> None:
    before = len(recorded(server))
    parameters = {"prediction_ids": ["UA1", "B62"], "event_at": "2013-04-01T10:00:00Z"}
    server.infer(samples.request() | {"parameters": parameters}, **{"X-Request-Id": "trace-2"})
    server.infer(samples.request(dep_delay=["x"], month=[3], carrier=["AA"], weekend=[True]))
    fine, refused = recorded(server)[before:]
    assert (fine.facts.status, fine.facts.rows, fine.facts.request_id, fine.facts.token) == ("ok", 2, "trace-2", "t-1")
    assert (fine.facts.organization, fine.facts.endpoint, fine.facts.version) == (
        samples.ORGANIZATION_ID,
        samples.ENDPOINT_ID,
        samples.VERSION_ID,
    )
    assert 0 < fine.facts.seconds < 5
    first, second = fine.predictions
    assert first.inputs == {"dep_delay": 10, "month": 3, "carrier": "B6", "weekend": False}
    assert second.inputs["dep_delay"] is None
    assert first.outputs == {"score": pytest.approx(samples.expected(10, 3, "B6", False), abs=1e-6), "label": True}
    assert [one.prediction_id for one in fine.predictions] == ["UA1", "B62"]
    assert first.event_at.isoformat() == "2013-04-01T10:00:00+00:00"
    assert (refused.facts.status, refused.predictions) == ("refused", [])
    assert "dep_delay in row 1 must be a number" in refused.facts.error


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"prediction_ids": ["a"]}, "one text of 1 to 128 characters for each of the 2 rows"),
        ({"prediction_ids": ["a", "a"]}, "holds an id twice"),
        ({"event_at": "2013-04-01T10:00:00"}, "a time with its zone"),
        ({"event_at": ["2013-04-01T10:00:00Z", "soon"]}, "“event_at” of row 2"),
        ({"event_at": "2999-01-01T00:00:00Z"}, "“event_at” of row 1 lies in the future"),
        ({"event_at": ["2013-04-01T10:00:00Z", "1970-01-01T00:00:00Z"]}, "“event_at” of row 2 lies before 1971"),
        ([], "must be a JSON object"),
    ],
)
def test_parameters_that_do_not_fit(server: Server, parameters: object, sentence: str) -> None:
    answer = server.infer(samples.request() | {"parameters": parameters or [1]})
    assert answer.status == 400
    assert sentence in answer.json["error"]


def test_slow_callers_of_one_organization_do_not_hold_up_another(server: Server) -> None:
    key = "01900000-0000-7000-8000-000000000002"
    other = samples.endpoint(
        server.sha256, organization="harbor", organization_id=samples.OTHER_ID, endpoint_id=key, endpoint="income"
    )
    server.tokens["banker"] = samples.token(organization="harbor", asks=[key], sees=[key])
    server.route(samples.endpoint(server.sha256), other)
    head = (
        "POST /o/meridian/serve/v2/models/late-arrivals/infer HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
        "Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
    )
    with contextlib.ExitStack() as slow:

        def call_slowly() -> None:
            caller = slow.enter_context(socket.create_connection(("127.0.0.1", server.config.port)))
            caller.sendall(head.encode())

        for _ in range(server.config.at_once):
            call_slowly()
        # One of them may have been answered already, by a process that did not know the route yet.
        server.until(lambda: server.infer(samples.request()).status == 429 or call_slowly())
        answer = server.ask(
            "POST",
            "/o/harbor/serve/v2/models/income/infer",
            json.dumps(samples.request()).encode(),
            "banker",
            {"Content-Type": "application/json"},
        )
        assert answer.status == 200
    server.until(lambda: server.infer(samples.request()).status == 200)


def test_metrics(server: Server) -> None:
    server.infer(samples.request())
    text = server.get("/metrics").body.decode()
    labels = 'endpoint="late-arrivals",organization="meridian"'
    assert f'tenure_serving_requests_total{{{labels},status="200",version="3"}}' in text
    assert (
        f'tenure_serving_seconds_bucket{{{labels},le="0.0005",version="3"}}' in text
        or "tenure_serving_seconds_bucket" in text
    )
    assert "tenure_serving_lost_total 0" in text
    assert "tenure_serving_spool_bytes" in text


def test_conditions_of_use_flag_rows_refuse_them_and_ask_for_a_person(server: Server) -> None:
    limits = {"column": "month", "least": 4, "most": None}
    outside = {"kind": "inputs", "limits": limits, "words": "Only from April.", "is_strict": False}
    server.route(samples.endpoint(server.sha256, terms=[outside, {"kind": "confirm"}]))

    flagged = server.infer(samples.request())
    server.route(samples.endpoint(server.sha256, terms=[outside | {"is_strict": True}]))
    refused = server.infer(samples.request())

    assert flagged.status == 200 and flagged.headers["X-Needs-Confirmation"] == "true"
    said = {"needs_confirmation": True, "rows_outside_conditions": [1], "outside_conditions": 1}
    assert flagged.json["parameters"] == said
    assert (refused.status, refused.json) == (422, {"error": "Row 1 cannot be answered here. Only from April."})
    calls = recorded(server)[-2:]
    assert [(call.facts.status, call.facts.rows, call.facts.outside) for call in calls] == [
        ("ok", 2, 1),
        ("refused", 0, 1),
    ]
