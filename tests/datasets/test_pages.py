"""Pages of datasets as the people who use them see them, bad input included."""

import gzip

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.approvals.models import Request
from apps.datasets import actions, folders
from apps.datasets.models import Dataset, DatasetVersion, DataSource, PreparationRun, QualityRule, Split, VersionState
from tests.datasets.factories import FLIGHTS, dataset_of, fresh, profiled, signed_off, source_of, uploaded, version_at
from tests.projects.factories import draft, project_at
from tests.support import deliver

HOME = "/o/meridian/datasets/"
READING = {"skip_lines": "0", "broken_rows": "refuse", "wrong_values": "refuse"}


def text_of(response) -> str:
    return response.content.decode()


def posted(client, path, file=FLIGHTS, name="flights.csv", **more):
    content = file if isinstance(file, bytes) else file.encode()
    return client.post(path, {**READING, "file": SimpleUploadedFile(name, content), **more})


def test_the_list_explains_itself_and_shows_what_one_may_see(inside, sign_in):
    assert "A dataset is a table of a project" in text_of(sign_in(inside.dario).get(HOME))
    dataset_of(inside, draft(inside), name="Flights of 2013")

    assert "Flights of 2013" in text_of(sign_in(inside.wim).get(HOME))
    assert "Flights of 2013" not in text_of(sign_in(inside.mina).get(HOME))


def test_the_list_takes_as_many_queries_with_many_rows(inside, sign_in, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    project, client = draft(inside), sign_in(inside.dario)
    dataset_of(inside, project)
    client.get(HOME)
    with CaptureQueriesContext(connection) as one:
        client.get(HOME)
    for number in range(12):
        dataset_of(inside, project, key=f"flights-{number}")
    with CaptureQueriesContext(connection) as many:
        client.get(HOME)

    assert len(many) == len(one)


def test_a_source_is_registered_shown_and_changed(inside, sign_in):
    project, client = draft(inside), sign_in(inside.dario)
    form = {
        "project": project.pk, "key": "operations", "name": "Operations records", "kind": "database",
        "owner": inside.dario.pk, "classification": "internal", "personal_data": "personal",
        "lawful_basis": "not_needed",
    }  # fmt: skip

    refused = client.post(f"{HOME}sources/new/", form)
    assert refused.status_code == 422
    assert "Personal data need a lawful basis" in text_of(refused)
    made = client.post(f"{HOME}sources/new/", {**form, "lawful_basis": "contract"})
    assert made.status_code == 303
    page = text_of(client.get(made.url))
    assert "Operations records" in page and "Contract" in page
    change = {**form, "lawful_basis": "consent", "is_active": "on", "reason": "Asked the passengers."}
    assert client.post(f"{made.url}change/", change).status_code == 303
    assert DataSource.objects.get().lawful_basis == "consent"
    assert "Operations records" in text_of(client.get(f"{HOME}sources/"))


def test_a_dataset_is_added_from_a_project(inside, sign_in):
    project, client = draft(inside), sign_in(inside.dario)

    assert f'value="{project.pk}" selected' in text_of(client.get(f"{HOME}new/?project={project.key}"))
    made = client.post(
        f"{HOME}new/", {"project": project.pk, "key": "flights", "name": "Flights", "purpose": "training"}
    )

    assert made.url == f"{HOME}flights/"
    assert "No version yet" in text_of(client.get(made.url))
    for key, words in (("Not a key", "small letters"), ("sources", "word of the addresses"), ("flights", "already")):
        answer = client.post(
            f"{HOME}new/", {"project": project.pk, "key": key, "name": "Flights", "purpose": "training"}
        )
        assert words in text_of(answer)
        assert answer.status_code in (409, 422)


def test_a_file_is_uploaded_read_and_shown(inside, sign_in):
    dataset, client = dataset_of(inside), sign_in(inside.dario)

    answer = posted(client, f"{HOME}flights/upload/", note="First delivery")

    assert answer.status_code == 303
    waiting = text_of(client.get(answer.url))
    assert "Being read" in waiting
    deliver(inside.meridian)
    page = text_of(client.get(answer.url))
    assert "Profiled" in page and "carrier" in page and "First delivery" in page
    version = dataset.versions.get()
    assert version.raw_name == "flights.csv"
    for tab, words in (
        ("columns", "How are the values of delay distributed?"),
        ("rows", "2013-01-01"),
        ("quality", "Not measured yet"),
        ("descent", "From the file flights.csv"),
    ):
        assert words in text_of(client.get(f"{answer.url}?tab={tab}&column=delay"))


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "empty.csv", "The submitted file is empty"),
        (b"<!doctype html><html>Sign in</html>", "data.csv", "The file is a web page, whatever its name says"),
        (b"39,State-gov\n50,Private\n", "adult.csv", "not the names of the columns"),
        (b"a,a\n1,2\n", "twice.csv", "names more than one column"),
        (b"a,\n1,2\n", "nameless.csv", "has no name"),
        (b"PAR1" + b"\x00" * 40, "short.parquet", "cut off or damaged"),
        (b"\x80\x04\x95model", "table.csv", "a Python pickle"),
        (b"a,b\n1,\x00\n", "binary.csv", "not text"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "cut.csv.gz", "ends early or is damaged"),
    ],
)
def test_a_file_that_is_no_table_is_refused_at_once_with_a_sentence(inside, sign_in, content, name, words):
    dataset = dataset_of(inside)

    answer = posted(sign_in(inside.dario), f"{HOME}flights/upload/", content, name)

    assert answer.status_code == 422
    assert words in text_of(answer)
    assert not dataset.versions.exists()


def test_a_file_over_the_limit_is_refused_with_a_sentence(inside, sign_in, settings):
    settings.TENURE_UPLOAD_LIMIT = 2_000
    dataset = dataset_of(inside)

    answer = posted(sign_in(inside.dario), f"{HOME}flights/upload/", FLIGHTS * 100)

    assert answer.status_code == 413
    assert "flights.csv is larger than" in text_of(answer)
    assert "Nothing was kept" in text_of(answer)
    assert not dataset.versions.exists()


def test_broken_rows_are_shown_by_line_and_the_file_is_read_again(inside, sign_in):
    client = sign_in(inside.dario)
    version = version_at(inside, VersionState.FAILED)
    here = version.get_absolute_url()

    page = text_of(client.get(here))
    assert "1 line of 2 has the wrong number of fields" in page
    assert "2 fields, there are 1" in page
    assert "What happened" in text_of(client.get(f"{here}read-again/"))
    answer = client.post(f"{here}read-again/", {**READING, "broken_rows": "skip"})
    assert answer.status_code == 303
    deliver(inside.meridian)
    assert fresh(version).rows == 1
    assert "was left out" in text_of(client.get(here))


def test_wrong_types_are_shown_by_line_and_column(inside, sign_in):
    dataset_of(inside)
    client = sign_in(inside.dario)

    answer = posted(client, f"{HOME}flights/upload/", "a,b\n1,x\nz,y\n", types="a = integer")
    deliver(inside.meridian)

    page = text_of(client.get(answer.url))
    assert "declared as integer" in page and ">z<" in page


def test_options_that_cannot_be_read_are_named(inside, sign_in):
    dataset_of(inside)
    client = sign_in(inside.dario)

    answer = posted(client, f"{HOME}flights/upload/", types="a integer")
    assert answer.status_code == 422
    assert "is not written as name = value" in text_of(answer)
    answer = posted(client, f"{HOME}flights/upload/", types="z = integer")
    assert "the file has no such column" in text_of(answer)


def test_a_census_file_without_header_is_read_with_what_the_form_offers(inside, sign_in):
    dataset = dataset_of(inside)
    client = sign_in(inside.dario)

    said = {"column_names": "age, work", "null_values": "?", "trim": "on"}
    answer = posted(client, f"{HOME}flights/upload/", "39, State-gov\n50, ?\n" * 20, **said)
    deliver(inside.meridian)

    assert answer.status_code == 303
    version = dataset.versions.get()
    assert version.column_names() == ["age", "work"]
    assert version.profile["columns"][1]["nulls"] == 20


def test_a_file_on_the_server_is_taken_from_the_folder(inside, sign_in):
    dataset = dataset_of(inside)
    folders.home().mkdir(parents=True)
    (folders.home() / "flights.csv").write_text(FLIGHTS)
    client = sign_in(inside.dario)

    assert "flights.csv" in text_of(client.get(f"{HOME}flights/reference/"))
    answer = client.post(f"{HOME}flights/reference/", {**READING, "path": "flights.csv"})
    assert answer.status_code == 303
    deliver(inside.meridian)
    assert dataset.versions.get().rows == 61
    refused = client.post(f"{HOME}flights/reference/", {**READING, "path": "../../etc/passwd"})
    assert refused.status_code == 422
    assert "There is no file" in text_of(refused)


def step(number: int, **fields) -> dict:
    return {f"step-{number}-{name}": value for name, value in fields.items()}


def test_a_recipe_is_written_step_by_step_and_started(inside, sign_in):
    version = profiled(inside)
    client, here = sign_in(inside.dario), f"{version.get_absolute_url()}prepare/"

    assert "No step yet" in text_of(client.get(here))
    page = text_of(client.post(here, {"do": "add", "add": "fill_missing"}))
    assert "Fill missing values" in page and 'name="step-0-columns"' in page
    first = {"kind": ["fill_missing"], **step(0, columns=["delay"], method="median", by=["carrier"])}
    page = text_of(client.post(here, {**first, "do": "add", "add": "derive"}))
    assert "Derive a column" in page
    assert '<option value="delay" selected>' in page
    both = {
        **first,
        "kind": ["fill_missing", "derive"],
        **step(1, name="late", operation="above", columns=["delay"], value="15", timezone="UTC"),
    }
    page = text_of(client.post(here, {**both, "do": "up-1"}))
    assert page.index("Derive a column") < page.index("1. Derive a column") + 5 < page.index("2. Fill missing values")
    answer = client.post(here, {**both, "do": "start", "into": "flights", "note": "Label"})
    assert answer.status_code == 303
    deliver(inside.meridian)

    run = PreparationRun.objects.get()
    assert run.recipe == [
        {"step": "fill_missing", "columns": ["delay"], "method": "median", "by": ["carrier"]},
        {"step": "derive", "name": "late", "operation": "above", "columns": ["delay"], "value": 15},
    ]
    page = text_of(client.get(answer.url))
    assert "Fill missing delay with the median of the same carrier" in page
    assert "Cells changed" in page
    again = text_of(client.get(f"{here}?again=1"))
    assert 'value="late"' in again


def test_a_step_may_use_what_the_step_before_it_adds(inside, sign_in):
    version = profiled(inside)
    client, here = sign_in(inside.dario), f"{version.get_absolute_url()}prepare/"
    both = {
        "kind": ["derive", "keep_columns"],
        **step(0, name="late", operation="above", columns=["delay"], value="15", timezone="UTC"),
        **step(1, columns=["late", "day"]),
    }

    assert '<option value="late" selected>' in text_of(client.post(here, {**both, "do": "look"}))
    assert client.post(here, {**both, "do": "start"}).status_code == 303
    deliver(inside.meridian)

    assert PreparationRun.objects.get().result.column_names() == ["late", "day"]


def test_a_recipe_is_taken_over_from_yaml(inside, sign_in):
    version = profiled(inside)
    client, here = sign_in(inside.dario), f"{version.get_absolute_url()}prepare/"
    yaml = "steps:\n- step: filter_rows\n  conditions:\n  - {column: delay, operator: '>', value: 0}\n"

    page = text_of(client.post(here, {"do": "yaml", "yaml": yaml}))
    assert "1. Filter rows" in page and "delay &gt; 0" in page
    wrong = client.post(here, {"do": "yaml", "yaml": "steps:\n- step: explode\n"})
    assert wrong.status_code == 422
    assert "is not a step" in text_of(wrong)
    assert client.post(here, {"do": "yaml", "yaml": "a: ["}).status_code == 422


def test_problems_of_a_recipe_stand_at_their_fields_and_what_was_typed_is_kept(inside, sign_in):
    version = profiled(inside)
    client, here = sign_in(inside.dario), f"{version.get_absolute_url()}prepare/"

    missing = client.post(here, {"do": "start", "kind": ["limit_range"], **step(0, column="delay", action="clip")})
    assert missing.status_code == 422
    assert "A range needs a least or a greatest value." in text_of(missing)
    unreadable = client.post(
        here, {"do": "start", "kind": ["filter_rows"], **step(0, conditions="delay somehow 3", match="all")}
    )
    assert unreadable.status_code == 422
    assert "is not written as column, operator, value" in text_of(unreadable)
    assert "delay somehow 3" in text_of(unreadable)
    empty = client.post(here, {"do": "start"})
    assert empty.status_code == 422
    assert "between 1 and 100 steps" in text_of(empty)
    assert not PreparationRun.objects.exists()


def test_a_rule_is_added_measured_and_ended(inside, sign_in):
    version = profiled(inside)
    client = sign_in(inside.dario)

    assert "Values in a range" in text_of(client.get(f"{HOME}flights/rules/"))
    wrong = client.post(f"{HOME}flights/rules/add/?kind=in_range", {"column": "delay", "severity": "must"})
    assert wrong.status_code == 422
    assert "A range needs a least or a greatest value." in text_of(wrong)
    made = client.post(
        f"{HOME}flights/rules/add/?kind=in_range",
        {"column": "delay", "maximum": "20", "severity": "must", "tolerance": "0.0"},
    )
    assert made.status_code == 303
    assert QualityRule.objects.get().sentence == "delay is at most 20"
    assert client.post(f"{version.get_absolute_url()}check-quality/").status_code == 303
    deliver(inside.meridian)
    page = text_of(client.get(f"{version.get_absolute_url()}?tab=quality"))
    assert "Failed" in page and "delay = " in page
    assert client.post(f"{HOME}flights/rules/1/end/", {"reason": "Too strict."}).status_code == 303
    assert not QualityRule.objects.get().is_active


def test_sign_off_is_asked_for_and_shown(inside, sign_in):
    version = profiled(inside)
    client, here = sign_in(inside.dario), version.get_absolute_url()

    answer = client.post(f"{here}sign-off/", {"use": "training late-arrival models"})
    assert answer.status_code == 303
    assert answer.url == Request.objects.get(kind="data_sign_off").get_absolute_url()
    assert "Waits for sign-off" in text_of(client.get(here))
    assert "waits for signatures already" in text_of(client.get(here))
    assert client.post(f"{here}sign-off/", {"use": "again"}).status_code == 409


def test_a_version_is_rejected_with_a_reason(inside, sign_in):
    version = signed_off(inside)
    here = version.get_absolute_url()

    client = sign_in(inside.carlo)
    assert "Nothing new is trained" in text_of(client.get(f"{here}reject/"))
    assert client.post(f"{here}reject/", {"reason": ""}).status_code == 422
    assert client.post(f"{here}reject/", {"reason": "A column was shifted."}).status_code == 303
    assert "A column was shifted." in text_of(client.get(here))


def test_a_version_is_split_by_time_and_at_random(inside, sign_in):
    version = profiled(inside)
    client, here = sign_in(inside.dario), version.get_absolute_url()

    wrong = client.post(f"{here}split/", {"method": "random", "parts": "train = 70%\ntest = 40%", "seed": "1"})
    assert wrong.status_code == 422
    assert "add up to 1" in text_of(wrong)
    by_time = client.post(
        f"{here}split/", {"method": "time", "column": "day", "parts": "train = 2013-07-01\ntest", "target": "carrier"}
    )
    at_random = client.post(f"{here}split/", {"method": "random", "parts": "train = 70%\ntest = 30%", "seed": "7"})
    deliver(inside.meridian)

    assert Split.objects.count() == 2
    page = text_of(client.get(by_time.url))
    assert "How are the rows divided?" in page and "2013-06-26" in page and "UA: " in page
    assert "seed 7" in text_of(client.get(at_random.url))
    assert "train of split 1" in text_of(client.get(f"{HOME}flights/"))


def test_rows_and_files_are_downloaded(inside, sign_in):
    version = profiled(inside)
    client, here = sign_in(inside.wim), version.get_absolute_url()

    table = client.get(f"{here}download/table/")
    assert b"".join(table.streaming_content)[:4] == b"PAR1"
    assert table.headers["Content-Disposition"] == 'attachment; filename="flights-v1.parquet"'
    original = client.get(f"{here}download/original/")
    assert b"".join(original.streaming_content) == FLIGHTS.encode()
    assert client.get(f"{here}download/else/").status_code == 404


def test_a_file_that_is_not_there_is_told_and_not_a_fault(inside, sign_in):
    from apps.core import files

    version = profiled(inside)
    made = actions.prepare(version=version, recipe=[{"step": "drop_duplicates"}], by=inside.dario)
    deliver(inside.meridian)
    made.refresh_from_db()
    client = sign_in(inside.wim)

    absent = client.get(f"{made.result.get_absolute_url()}download/original/")
    assert absent.status_code == 409
    assert "there is no file as it came" in text_of(absent)
    files.delete(version.file)
    lost = client.get(f"{version.get_absolute_url()}download/table/")
    assert lost.status_code == 409
    assert "is not in storage" in text_of(lost)
    assert "is not in storage" in text_of(client.get(f"{version.get_absolute_url()}?tab=rows"))


def test_sensitive_rows_are_neither_shown_nor_downloaded_by_readers(inside, sign_in):
    project = project_at(inside, "approved")
    source = source_of(inside, project, classification="restricted")
    version = profiled(inside, dataset_of(inside, project, source=source))
    here = version.get_absolute_url()

    reader = sign_in(inside.wim)
    assert "are sensitive" in text_of(reader.get(f"{here}?tab=rows"))
    assert reader.get(f"{here}download/table/").status_code == 403
    assert reader.get(f"{here}download/original/").status_code == 403
    assert sign_in(inside.vera).get(f"{here}download/table/").status_code == 200


def pages_of(version: DatasetVersion, split: Split, run: PreparationRun) -> list[str]:
    """Every page of data that a GET can open."""
    here, dataset = version.get_absolute_url(), version.dataset.get_absolute_url()
    source = version.source.get_absolute_url()
    return [
        HOME, f"{HOME}new/", f"{HOME}sources/", f"{HOME}sources/new/", source, f"{source}change/", dataset,
        f"{dataset}change/", f"{dataset}upload/", f"{dataset}reference/", f"{dataset}rules/", f"{dataset}rules/add/",
        f"{dataset}rules/1/end/", run.get_absolute_url(), here, f"{here}?tab=columns", f"{here}?tab=rows",
        f"{here}?tab=quality", f"{here}?tab=descent", f"{here}prepare/", f"{here}split/", split.get_absolute_url(),
        f"{here}sign-off/", f"{here}reject/", f"{here}download/table/", f"{here}download/original/",
    ]  # fmt: skip


@pytest.fixture
def everything(inside):
    """A version with a source, a rule, a preparation and a split."""
    project = project_at(inside, "approved")
    dataset = dataset_of(inside, project, source=source_of(inside, project))
    version = profiled(inside, dataset)
    actions.add_rule(dataset=dataset, rule={"rule": "min_rows", "least": 1}, by=inside.dario)
    run = actions.prepare(version=version, recipe=[{"step": "drop_duplicates"}], by=inside.dario)
    plan = {"method": "random", "parts": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}]}
    split = actions.split(version=version, plan=plan, by=inside.dario)
    deliver(inside.meridian)
    actions.check_quality(version=version, by=inside.dario)
    deliver(inside.meridian)
    return fresh(version), Split.objects.get(pk=split.pk), PreparationRun.objects.get(pk=run.pk)


def test_every_page_opens_for_who_works_here_and_for_nobody_outside(inside, sign_in, everything):
    scientist, stranger, outsider = sign_in(inside.dario), sign_in(inside.mina), sign_in(inside.mallory)

    for page in pages_of(*everything):
        assert scientist.get(page).status_code == 200, page
        assert outsider.get(page).status_code == 404, page
        if page not in (HOME, f"{HOME}new/", f"{HOME}sources/", f"{HOME}sources/new/"):
            assert stranger.get(page).status_code == 404, page


def test_readers_look_and_are_refused_with_a_sentence_where_they_would_change(inside, sign_in, everything):
    version, _, _ = everything
    reader, here = sign_in(inside.wim), version.get_absolute_url()

    assert reader.get(here).status_code == 200
    for page in (
        f"{here}prepare/",
        f"{here}split/",
        f"{here}sign-off/",
        f"{version.dataset.get_absolute_url()}upload/",
    ):
        refused = reader.get(page)
        assert refused.status_code == 403
        assert "data scientist" in text_of(refused)
    assert reader.post(f"{here}check-quality/").status_code == 403


def test_a_page_of_a_version_that_is_not_there_is_not_found(inside, sign_in):
    version = uploaded(inside, dataset_of(inside))
    client = sign_in(inside.dario)

    assert client.get(f"{HOME}flights/versions/99/").status_code == 404
    assert client.get(f"{HOME}flights/versions/99999999999999999999/").status_code == 404
    assert client.get(f"{HOME}nothing/").status_code == 404
    assert client.get(f"{version.get_absolute_url()}download/table/").status_code == 409
    assert Dataset.objects.count() == 1
