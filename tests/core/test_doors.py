"""What cannot be read is a sentence at the door, by page and by API, and never a fault of ours."""

import json
from itertools import pairwise

import pytest
from django import forms
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from apps.core.api import problem
from apps.core.errors import Invalid, TooLarge
from apps.core.text import unkeepable
from apps.core.uploads import refuse_too_large
from apps.datasets.sayings import read_yaml
from apps.models.engine.recipes import RecipeError, from_text
from apps.models.forms import ReadsYaml
from tests.datasets.factories import dataset_of
from tests.projects.factories import project_at

API = "/o/meridian/api/v1/"
PATH = f"{API}projects/"  # to which every member may send
TOO_DEEP = '{"project": ' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.fixture
def dario(cast, sign_in):
    return sign_in(cast.dario)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (json.dumps({"project": "a\0b", "key": "k", "name": "n"}), "NUL"),
        (json.dumps({"project": {"deep": ["a\0b"]}}), "NUL"),
        ('{"project": "\\ud800"}', "half a character"),
        ('{"\\ud800": 1}', "half a character"),
        (TOO_DEEP, "nested too deeply"),
    ],
)
def test_json_that_cannot_be_kept_is_told(dario, body, said):
    answer = dario.post(PATH, body, content_type="application/json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert said in answer.json()["detail"]


def test_fields_that_cannot_be_kept_are_told(dario):
    assert "NUL" in dario.post(PATH, {"project": "a\0b"}).json()["detail"]
    form = dario.post(PATH, "project=a%00b", content_type="application/x-www-form-urlencoded")
    assert "NUL" in form.json()["detail"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("comments/", {"subject": "projects.project:1", "text": "a\0b"}),
        ("projects/new/", {"key": "a\0b", "title": "n"}),
        ("inbox/read/", {"notice": ["a\0b"]}),
        ("inbox/read/", {"a\0b": "1"}),
    ],
)
def test_nul_in_a_form_is_a_sentence(dario, path, fields):
    answer = dario.post(f"/o/meridian/{path}", fields)
    assert answer.status_code == 400
    assert "holds the character NUL" in answer.text


def test_nul_written_in_the_json_of_a_field_is_told(inside, dario):
    dataset_of(inside, project_at(inside, "approved"), key="flights")
    options = json.dumps({"null_values": ["a\0b"]})
    file = SimpleUploadedFile("flights.csv", b"a,b\n1,2\n")
    answer = dario.post(f"{API}datasets/flights/versions/", {"file": file, "options": options})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["options"])
    assert "NUL" in answer.json()["errors"]["options"][0]


@pytest.mark.parametrize(
    ("text", "said"), [('a: "b\\0c"', "NUL"), ("[" * 10_000, "not YAML"), ("[" * 300 + "]" * 300, "deeply")]
)
def test_yaml_that_cannot_be_kept_is_told(text, said):
    with pytest.raises(Invalid, match=said):
        read_yaml(text, "plan")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", ""),
        ({"a": ["b", 1, None, ("c",)]}, ""),
        ({"a": ["b", {"c\0": 1}]}, "NUL"),
        ("\ud800", "half a character"),
        ("a\u202etxt.exe", "turns round"),
        ("\u05d0\u200f \u0645", ""),
    ],
)
def test_what_can_be_kept(value, said):
    found = unkeepable(value)
    assert (said in found, bool(found)) == (True, bool(said))


def test_a_value_that_holds_itself_cannot_be_kept():
    value: dict = {"a": []}
    value["a"] = [value, value]
    assert "deeply" in unkeepable(value)


BOMB = (
    "a: &a ["
    + "x, " * 99
    + "x]\n"
    + "".join(f"{name}: &{name} [" + f"*{before}, " * 99 + f"*{before}]\n" for before, name in pairwise("abcdefghi"))
)


@pytest.mark.parametrize("text", [BOMB, "a: &a [*a]", "[" * 100_000, "x: 2013-02-30", 'x: "\\0"', 'x: "\\uD800"'])
def test_yaml_that_cannot_be_kept_is_told_wherever_it_is_read(text):
    with pytest.raises(Invalid):
        read_yaml(text, "recipe")
    with pytest.raises(RecipeError):
        from_text(text)
    with pytest.raises(forms.ValidationError):
        ReadsYaml().clean(text)


def test_json_over_the_limit_is_told(dario, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    answer = dario.post(PATH, json.dumps({"name": "n" * 2_000}), content_type="application/json")
    assert answer.status_code == 413
    answer = problem(RequestDataTooBig("Django's own words"), {})
    assert answer is not None
    assert (answer.status_code, answer.data["detail"][:8]) == (413, "The body")


@pytest.mark.parametrize("path", ["datasets/?q=%00", "datasets/a%00b/", "api/v1/datasets/?page_size=%00", "?%00"])
def test_nul_in_an_address_is_a_sentence(dario, path):
    answer = dario.get(f"/o/meridian/{path}")
    assert answer.status_code == 400
    assert "holds the character NUL" in answer.text


def test_body_without_its_length_is_told_what_to_send(dario):
    answer = dario.generic("POST", PATH, b"", content_type="application/json", headers={"Transfer-Encoding": "chunked"})
    assert answer.status_code == 411
    assert "Content-Length" in answer.json()["detail"]


def asked(path, size):
    return RequestFactory().post(
        path, {"file": SimpleUploadedFile("big.csv", b"x" * size)}, headers={"Expect": "100-continue"}
    )


def test_who_asks_before_sending_too_much_is_told_at_once(settings):
    settings.TENURE_UPLOAD_LIMIT = 100_000
    request = asked(PATH, 2_000_000)
    with pytest.raises(TooLarge, match="The file is larger than"):
        refuse_too_large(request)
    assert request.read() != b""  # Nothing was asked for.


def test_who_asks_to_send_what_is_allowed_is_heard(settings):
    settings.TENURE_UPLOAD_LIMIT = 2_500_000
    request = asked(PATH, 2_000_000)
    refuse_too_large(request)
    assert request.FILES["file"].size == 2_000_000
