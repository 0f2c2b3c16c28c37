"""Data through the actions and the real worker: sources, versions, preparation, quality, sign-off, splits."""

import datetime as dt
import io

import pyarrow.parquet as pq
import pytest
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction

from apps.approvals import actions as approvals
from apps.approvals.models import RequestState
from apps.audit.models import Record
from apps.core import files
from apps.core.errors import Conflict, IllegalMove, Invalid, NotVisible, Refused, TooLarge
from apps.datasets import actions, folders, policies
from apps.datasets.models import (
    VERSION_STATES,
    Dataset,
    DatasetVersion,
    PreparationRun,
    Split,
    VersionInput,
    VersionState,
)
from apps.datasets.signals import signed_off as announced
from apps.datasets.signals import withdrawn
from apps.work import jobs
from tests.datasets.factories import dataset_of, fresh, profiled, signed_off, source_of, uploaded, version_at
from tests.projects.factories import draft, project_at, sign_all
from tests.support import deliver

RECIPE = [
    {"step": "fill_missing", "columns": ["delay"], "method": "median", "by": ["carrier"]},
    {"step": "derive", "name": "late", "operation": "above", "columns": ["delay"], "value": 15, "role": "target"},
]
HALVES = {"method": "random", "seed": 1, "parts": [{"name": "train", "share": 0.7}, {"name": "test", "share": 0.3}]}


def stored_files() -> list[str]:
    """Every file of the data folder in storage."""
    from pathlib import Path

    root = Path(default_storage.path(""))
    return sorted(str(path) for path in root.rglob("*") if path.is_file())


def decisions(subject) -> list[str]:
    """The audit records of a thing, oldest first."""
    return list(Record.objects.filter(subject_id=str(subject.pk)).order_by("id").values_list("action", flat=True))


# Sources and datasets


def test_a_source_says_on_which_terms_data_may_be_used(inside):
    project = project_at(inside, "approved")

    source = source_of(
        inside, project, personal_data="personal", lawful_basis="contract", classification="confidential"
    )

    assert (source.owner, source.state) == (inside.dario, "active")
    assert decisions(source) == ["data_source.registered"]


def test_personal_data_need_a_lawful_basis(inside):
    project = project_at(inside, "approved")

    with pytest.raises(Invalid, match="lawful basis") as caught:
        source_of(inside, project, personal_data="special")
    assert "lawful_basis" in caught.value.fields


@pytest.mark.parametrize("key", ["Bad Key", "", "ä"])
def test_a_key_has_to_fit_into_an_address(inside, key):
    with pytest.raises(Invalid) as caught:
        source_of(inside, draft(inside), key=key)
    assert "key" in caught.value.fields


def test_a_key_is_used_once(inside):
    project = draft(inside)
    source_of(inside, project)

    with pytest.raises(Conflict, match="already"):
        source_of(inside, project)
    dataset_of(inside, project)
    with pytest.raises(Conflict, match="already"):
        dataset_of(inside, project)


def test_only_who_prepares_data_registers_sources(inside):
    project = draft(inside)

    with pytest.raises(Refused, match="data scientist"):
        source_of(inside, project, by=inside.bianca)
    with pytest.raises(NotVisible):
        source_of(inside, project, by=inside.mina)


def test_a_source_of_another_project_is_refused(inside):
    other = source_of(inside, draft(inside, key="other"))

    with pytest.raises(Invalid, match="source of another project"):
        dataset_of(inside, draft(inside), source=other)


def test_a_dataset_changes_with_old_and_new_values_on_record(inside):
    dataset = dataset_of(inside, draft(inside))

    actions.change_dataset(dataset=dataset, changes={"name": "All flights"}, by=inside.dario)

    details = Record.objects.filter(action="dataset.changed").get().details
    assert (details["before"]["name"], details["after"]["name"]) == ("Flights", "All flights")
    with pytest.raises(Invalid, match="no key"):
        actions.change_dataset(dataset=dataset, changes={"key": "x"}, by=inside.dario)


# Versions


def test_an_upload_is_stored_hashed_read_and_profiled_by_a_worker(inside):
    version = uploaded(inside, dataset_of(inside), note="First delivery")

    assert (version.state, version.number, version.raw_name) == (VersionState.DRAFT, 1, "flights.csv")
    assert len(version.raw_sha256) == 64
    deliver(inside.meridian)
    version = fresh(version)
    assert version.state == VersionState.PROFILED
    assert (version.rows, version.format, version.column_names()) == (
        61,
        "csv",
        ["day", "carrier", "delay", "distance"],
    )
    assert [column["type"] for column in version.schema] == ["date", "category", "integer", "integer"]
    assert version.profile["columns"][2]["nulls"] == 1
    assert version.reading["delimiter"] == "comma"
    with files.local(version.file) as path:
        assert pq.read_metadata(path).num_rows == 61
    assert decisions(version) == ["dataset_version.uploaded", "dataset_version.profiled"]
    job = jobs.newest(version)
    assert (job.state, job.done) == ("succeeded", job.total)


def test_texts_that_the_database_cannot_keep_as_json_do_not_stop_a_reading(inside, tmp_path):
    import pyarrow as pa

    path = tmp_path / "odd.parquet"
    pq.write_table(pa.table({"a": ["zero\x00byte"] * 3, "b": [1, 2, 3]}), path)

    version = profiled(inside, content=path.read_bytes(), name="odd\n.parquet")

    assert version.profile["columns"][0]["top"][0]["value"] == "zero\\0byte"
    assert version.raw_name == "odd.parquet"
    recipe = [{"step": "change_case", "columns": ["a"], "case": "upper"}]
    run = actions.prepare(version=version, recipe=recipe, by=inside.dario)
    deliver(inside.meridian)
    run.refresh_from_db()
    assert run.report["steps"][0]["examples"][0]["after"] == "ZERO\\0BYTE"


def test_versions_are_numbered_in_their_dataset(inside):
    dataset = dataset_of(inside)

    assert [uploaded(inside, dataset).number, uploaded(inside, dataset).number] == [1, 2]


def test_rows_come_in_once_the_project_is_approved(inside):
    with pytest.raises(Refused, match="not approved for development"):
        uploaded(inside, dataset_of(inside, draft(inside)))
    assert stored_files() == []


def test_a_closed_or_outdated_source_gives_nothing_more(inside):
    project = project_at(inside, "approved")
    source = source_of(inside, project, retain_until=dt.date(2020, 1, 1))
    dataset = dataset_of(inside, project, source=source)

    with pytest.raises(Refused, match="may be kept until 1 January 2020 only"):
        uploaded(inside, dataset)
    actions.change_source(source=source, changes={"retain_until": None, "is_active": False}, by=inside.dario)
    dataset.refresh_from_db()
    with pytest.raises(Refused, match="is closed"):
        uploaded(inside, dataset)


def test_what_can_be_seen_at_once_is_refused_and_leaves_nothing(inside):
    dataset = dataset_of(inside)

    for content, words in (
        (b"", "empty"),
        (b"<html></html>", "web page"),
        (b"39,40\n1,2\n", "names of the columns"),
        (b"PAR1 and then nothing", "cut off or damaged"),
    ):
        with pytest.raises(Invalid, match=words) as caught:
            uploaded(inside, dataset, content)
        assert "file" in caught.value.fields
    assert stored_files() == []
    assert not dataset.versions.exists()


def test_an_upload_over_the_limit_leaves_nothing(inside, settings):
    settings.TENURE_UPLOAD_LIMIT = 500
    dataset = dataset_of(inside)

    with pytest.raises(TooLarge, match="Nothing was kept"):
        uploaded(inside, dataset)
    assert stored_files() == []
    assert not dataset.versions.exists()


def test_options_that_mean_nothing_are_refused(inside):
    dataset = dataset_of(inside)

    for options in ({"sep": ";"}, {"types": {"a": "float"}}, {"max_bytes": 1}):
        with pytest.raises(Invalid):
            uploaded(inside, dataset, options=options)


def test_broken_rows_fail_the_reading_and_can_be_skipped_then(inside):
    version = profiled(inside, content="a,b\n1,2\n3\n4,5\n")

    assert version.state == VersionState.FAILED
    assert "1 line of 3 has the wrong number of fields; the first is line 3" in version.failure
    assert version.failure_details["details"]["first"][0]["line"] == 3
    assert jobs.newest(version).state == "failed"
    again = actions.read_again(version=version, options={"broken_rows": "skip"}, by=inside.dario)
    assert again.state == VersionState.DRAFT
    deliver(inside.meridian)
    version = fresh(version)
    assert (version.state, version.rows, version.failure) == (VersionState.PROFILED, 2, "")
    assert version.reading["broken_rows"]["total"] == 1


def test_wrong_types_fail_the_reading_by_line_and_column(inside):
    version = profiled(inside, content="a,b\n1,x\nz,y\n", options={"types": {"a": "integer"}})

    assert version.state == VersionState.FAILED
    assert "'z' in line 3, column a" in version.failure


def test_only_what_failed_is_read_again(inside):
    with pytest.raises(IllegalMove):
        actions.read_again(version=profiled(inside), options={}, by=inside.dario)


def test_a_file_on_the_server_is_referenced_by_its_path(inside):
    home = folders.home()
    home.mkdir(parents=True)
    (home / "flights.csv").write_text("a,b\n1,2\n")
    version = actions.reference_version(dataset=dataset_of(inside), path="flights.csv", by=inside.dario)

    deliver(inside.meridian)

    version = fresh(version)
    assert (version.state, version.origin, version.rows) == (VersionState.PROFILED, "referenced", 1)
    assert len(version.raw_sha256) == 64
    assert folders.listing() == ["flights.csv"]


def test_a_reference_does_not_lead_out_of_the_folder_of_the_organization(inside, tmp_path):
    dataset = dataset_of(inside)
    home = folders.home()
    home.mkdir(parents=True)
    (home.parent / "harbor").mkdir()
    (home.parent / "harbor" / "secret.csv").write_text("a,b\n1,2\n")
    (home / "link.csv").symlink_to(home.parent / "harbor" / "secret.csv")

    for path in ("../harbor/secret.csv", "link.csv", "/etc/passwd", "missing.csv"):
        with pytest.raises(Invalid, match="no file"):
            actions.reference_version(dataset=dataset, path=path, by=inside.dario)


def test_a_referenced_file_must_have_the_declared_content(inside):
    home = folders.home()
    home.mkdir(parents=True)
    (home / "flights.csv").write_text("a,b\n1,2\n")

    version = actions.reference_version(
        dataset=dataset_of(inside), path="flights.csv", sha256="ab" * 32, by=inside.dario
    )
    deliver(inside.meridian)

    assert "another content than was declared" in fresh(version).failure


def test_the_database_refuses_to_change_what_was_read(inside):
    version = profiled(inside)

    for field, value in (("rows", 1), ("sha256", "0" * 64), ("file", "elsewhere"), ("schema", []), ("number", 9)):
        changed = fresh(version)
        setattr(changed, field, value)
        with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
            changed.save()
    with pytest.raises(DatabaseError, match="is kept"), transaction.atomic():
        DatasetVersion.objects.filter(pk=version.pk)._raw_delete("default")


def test_a_worker_that_runs_twice_keeps_one_result(inside):
    from config.celery import app

    version = profiled(inside)
    job = jobs.newest(version)

    app.tasks["datasets.read"].run(str(inside.meridian.pk), str(job.pk))

    assert decisions(version).count("dataset_version.profiled") == 1


# Preparation


def test_a_recipe_makes_a_new_version_with_descent_and_report(inside):
    version = profiled(inside)

    run = actions.prepare(version=version, recipe=RECIPE, note="Fill and label", by=inside.dario)
    deliver(inside.meridian)

    run = PreparationRun.objects.select_related("result__dataset", "result__parent").get(pk=run.pk)
    made = run.result
    assert (run.state, made.number, made.state, made.origin) == ("succeeded", 2, VersionState.PROFILED, "prepared")
    assert made.parent == version
    assert made.column_names() == ["day", "carrier", "delay", "distance", "late"]
    assert made.schema[-1]["role"] == "target"
    assert made.profile["columns"][2]["nulls"] == 0
    assert run.report["steps"][0]["columns"][0]["cells_changed"] == 1
    assert [(link.input, link.how, link.sha256) for link in made.inputs.all()] == [
        (version, "prepared", version.sha256)
    ]
    assert decisions(run) == ["preparation.started", "preparation.succeeded"]


def test_a_recipe_may_be_yaml_and_join_another_version(inside):
    version = profiled(inside)
    project = version.dataset.project
    carriers = profiled(inside, dataset_of(inside, project, key="carriers"), "code,label\nUA,United\nAA,American\n")
    recipe = """
    steps:
      - step: join
        table: carriers@1
        on: {carrier: code}
    """

    run = actions.prepare(version=version, recipe=recipe, by=inside.dario)
    deliver(inside.meridian)

    made = PreparationRun.objects.get(pk=run.pk).result
    assert made.column_names()[-1] == "label"
    links = VersionInput.objects.filter(version=made).values_list("input", "how")
    assert set(links) == {(version.pk, "prepared"), (carriers.pk, "joined")}


def test_what_one_run_learned_prepares_later_rows(inside):
    version = profiled(inside)
    first = actions.prepare(version=version, recipe=RECIPE, by=inside.dario)
    deliver(inside.meridian)
    first.refresh_from_db()
    later = profiled(inside, version.dataset, "day,carrier,delay,distance\n2014-01-01,UA,,5\n2014-01-02,UA,90,5\n")

    run = actions.prepare(version=later, recipe=RECIPE, learned_from=first, by=inside.dario)
    deliver(inside.meridian)

    run.refresh_from_db()
    assert run.learned == first.learned
    with files.local(run.result.file) as path:
        filled = pq.read_table(path).to_pydict()["delay"][0]
    assert filled == dict(first.learned[0]["delay"]["groups"])["UA"]
    other = [RECIPE[0]]
    with pytest.raises(Invalid, match="same recipe"):
        actions.prepare(version=later, recipe=other, learned_from=first, by=inside.dario)


def test_a_recipe_that_does_not_fit_names_the_step_and_field(inside):
    version = profiled(inside)

    for recipe, words in (
        ([{"step": "rename", "names": {"z": "y"}}], "There is no column 'z'"),
        ([{"step": "join", "table": "secret@1", "on": ["day"]}], "or you may not see it"),
        ("steps: [", "This is not YAML"),
        ("just words", "list of steps"),
    ):
        with pytest.raises(Invalid, match=words) as caught:
            actions.prepare(version=version, recipe=recipe, by=inside.dario)
        assert "recipe" in caught.value.fields
    assert not PreparationRun.objects.exists()


def test_rows_that_do_not_allow_a_step_fail_the_run_and_nothing_comes_out(inside):
    version = profiled(inside)
    recipe = [{"step": "filter_rows", "conditions": [{"column": "distance", "operator": "<", "value": 0}]}]

    run = actions.prepare(version=version, recipe=recipe, by=inside.dario)
    deliver(inside.meridian)

    run.refresh_from_db()
    assert (run.state, run.result) == ("failed", None)
    assert "No row is left" in run.failure
    assert version.dataset.versions.count() == 1


def test_a_cancelled_preparation_says_so(inside):
    run = actions.prepare(version=profiled(inside), recipe=RECIPE, by=inside.dario)

    jobs.cancel(job=jobs.newest(run))

    run.refresh_from_db()
    assert (run.state, run.failure) == ("failed", "This was cancelled before it began.")


def test_only_rows_that_are_there_are_prepared(inside):
    with pytest.raises(IllegalMove, match="no rows to use"):
        actions.prepare(version=version_at(inside, "failed"), recipe=RECIPE, by=inside.dario)


# Quality


def test_rules_are_measured_as_soon_as_a_version_is_there(inside):
    dataset = dataset_of(inside)
    actions.add_rule(dataset=dataset, rule={"rule": "not_null", "columns": ["delay"]}, by=inside.dario)
    actions.add_rule(dataset=dataset, rule={"rule": "min_rows", "least": 1000, "severity": "should"}, by=inside.dario)

    check = policies.newest_check(profiled(inside, dataset))

    assert (check.passed, check.must_failed, check.should_failed) == (False, 1, 1)
    first, second = check.results.all()
    assert (first.verdict, first.offending, first.sample[0]["row"]) == ("failed", 1, 61)
    assert (second.verdict, second.value, second.limit) == ("warning", 61, 1000)


def test_a_rule_for_a_column_that_is_not_there_is_a_slip(inside):
    dataset = profiled(inside).dataset

    with pytest.raises(Invalid, match="no column 'z'"):
        actions.add_rule(dataset=dataset, rule={"rule": "not_null", "columns": ["z"]}, by=inside.dario)
    with pytest.raises(Invalid, match="not a rule"):
        actions.add_rule(dataset=dataset, rule={"rule": "magic"}, by=inside.dario)


def test_an_ended_rule_is_no_longer_measured(inside):
    version = profiled(inside)
    rule = actions.add_rule(dataset=version.dataset, rule={"rule": "unique"}, by=inside.dario)
    actions.check_quality(version=version, by=inside.vera)
    deliver(inside.meridian)
    assert policies.newest_check(version).passed

    actions.retire_rule(rule=rule, by=inside.dario, reason="Duplicates are wanted now.")

    with pytest.raises(Refused, match="no quality rules"):
        actions.check_quality(version=version, by=inside.dario)


# Fitness


def test_a_version_is_signed_off_by_somebody_who_did_not_make_it(inside):
    heard = []
    announced.connect(lambda version, **_: heard.append(version), weak=False, dispatch_uid="test")
    version = profiled(inside)
    request = actions.request_sign_off(version=version, use="training", by=inside.dario, message="Please look.")

    assert request.snapshot["sha256"] == version.sha256
    assert fresh(version).is_waiting
    with pytest.raises(Conflict, match="waits for signatures already"):
        actions.request_sign_off(version=version, use="training", by=inside.dario)
    with pytest.raises(Refused):
        approvals.sign(request=request, by=inside.dario, confirmed=True)
    sign_all(inside, request)
    announced.disconnect(dispatch_uid="test")

    version = fresh(version)
    assert (version.state, version.fit_for) == (VersionState.SIGNED_OFF, "training")
    assert version.signed_off_at is not None
    assert heard == [version]
    assert decisions(version)[-1] == "dataset_version.sign_off_approved"


def test_everybody_in_the_line_of_descent_is_in_conflict(inside):
    version = profiled(inside)
    run = actions.prepare(version=version, recipe=RECIPE, by=inside.dario)
    deliver(inside.meridian)
    run.refresh_from_db()

    assert actions.sign_off.makers_of(run.result) == {inside.dario: "prepared Flights v2"}


def test_a_broken_rule_that_must_hold_stands_in_the_way(inside):
    dataset = dataset_of(inside)
    rule = actions.add_rule(dataset=dataset, rule={"rule": "not_null", "columns": ["delay"]}, by=inside.dario)
    version = profiled(inside, dataset)

    with pytest.raises(Refused, match="breaks a rule that must hold: delay is never missing"):
        actions.request_sign_off(version=version, use="training", by=inside.dario)
    actions.retire_rule(rule=rule, by=inside.dario)
    actions.add_rule(dataset=dataset, rule={"rule": "min_rows", "least": 5}, by=inside.dario)
    with pytest.raises(Refused, match="Not all quality rules"):
        actions.request_sign_off(version=version, use="training", by=inside.dario)
    actions.check_quality(version=version, by=inside.dario)
    deliver(inside.meridian)
    assert actions.request_sign_off(version=version, use="training", by=inside.dario).is_open


def test_a_declined_version_is_rejected_for_good(inside):
    version = profiled(inside)
    request = actions.request_sign_off(version=version, use="training", by=inside.dario)

    approvals.decline(request=request, by=inside.carlo, reason="The licence is unclear.", confirmed=True)

    version = fresh(version)
    assert (version.state, version.rejected_because) == (VersionState.REJECTED, "The licence is unclear.")
    with pytest.raises(IllegalMove):
        actions.request_sign_off(version=version, use="training", by=inside.dario)


def test_changes_asked_for_leave_the_version_as_it_was(inside):
    version = profiled(inside)
    request = actions.request_sign_off(version=version, use="training", by=inside.dario)

    approvals.ask_for_changes(request=request, by=inside.carlo, reason="Say who is covered.", confirmed=True)

    assert fresh(version).state == VersionState.PROFILED
    assert actions.request_sign_off(version=version, use="training", by=inside.dario).is_open


def test_a_sign_off_counts_no_longer_when_the_terms_of_the_source_change(inside):
    project = project_at(inside, "approved")
    source = source_of(inside, project)
    version = signed_off(inside, profiled(inside, dataset_of(inside, project, source=source)))
    heard = []
    withdrawn.connect(lambda version, **_: heard.append(version.pk), weak=False, dispatch_uid="test")

    actions.change_source(source=source, changes={"description": "Nightly export"}, by=inside.dario)
    assert fresh(version).is_signed_off
    actions.change_source(source=source, changes={"licence": "Not for training"}, by=inside.dario)
    withdrawn.disconnect(dispatch_uid="test")

    version = fresh(version)
    assert (version.state, version.sign_off_request.state) == (VersionState.PROFILED, RequestState.INVALIDATED)
    assert version.signed_off_at is None
    assert heard == [version.pk]


def test_a_request_is_invalid_when_a_rule_is_found_broken_before_it_is_signed(inside):
    version = profiled(inside)
    request = actions.request_sign_off(version=version, use="training", by=inside.dario)
    actions.add_rule(dataset=version.dataset, rule={"rule": "min_rows", "least": 1000}, by=inside.dario)
    actions.check_quality(version=version, by=inside.dario)
    deliver(inside.meridian)

    with pytest.raises(IllegalMove, match="nothing left to sign"):
        approvals.sign(request=request, by=inside.carlo, confirmed=True)


def test_a_signed_off_version_can_be_taken_out_of_use(inside):
    version = signed_off(inside)

    with pytest.raises(Invalid, match="Say why"):
        actions.reject_version(version=version, reason=" ", by=inside.dario)
    actions.reject_version(version=version, reason="A column was shifted.", by=inside.carlo)

    version = fresh(version)
    assert (version.state, version.sign_off_request.state) == (VersionState.REJECTED, RequestState.INVALIDATED)


@pytest.mark.parametrize("state", VersionState.values)
@pytest.mark.parametrize("to", VersionState.values)
def test_a_version_moves_only_as_the_table_allows(state, to):
    version = DatasetVersion(state=state, dataset=Dataset(name="Flights"), number=1)

    if to in VERSION_STATES.next(state):
        VERSION_STATES.move(version, to)
        assert version.state == to
    else:
        with pytest.raises(IllegalMove):
            VERSION_STATES.move(version, to)


# Splits


def test_a_split_makes_parts_that_are_versions(inside):
    version = signed_off(inside)

    row = actions.split(version=version, plan={**HALVES, "target": "carrier"}, by=inside.dario)
    deliver(inside.meridian)

    row = Split.objects.get(pk=row.pk)
    assert row.state == "succeeded"
    parts = {part.name: part.version for part in row.parts.select_related("version__dataset")}
    assert {name: part.rows for name, part in parts.items()} == {"train": 43, "test": 18}
    assert all(part.is_signed_off and part.parent == version and part.is_part for part in parts.values())
    assert row.report["parts"][0]["share"] == round(43 / 61, 6)
    with pytest.raises(Refused, match="part of a split already"):
        actions.split(version=parts["train"], plan=HALVES, by=inside.dario)


def test_parts_follow_the_sign_off_of_the_version(inside):
    version = profiled(inside)
    row = actions.split(version=version, plan=HALVES, by=inside.dario)
    deliver(inside.meridian)
    part = row.parts.get(name="train").version
    assert part.state == VersionState.PROFILED
    with pytest.raises(Refused, match="signed off with the version"):
        actions.request_sign_off(version=part, use="training", by=inside.dario)

    signed_off(inside, version)
    assert fresh(part).is_signed_off
    actions.reject_version(version=fresh(version), reason="Wrong year.", by=inside.dario)
    assert fresh(part).state == VersionState.REJECTED


def test_a_split_may_be_yaml_by_time(inside):
    plan = """
    method: time
    column: day
    parts:
      - {name: train, until: 2013-07-01}
      - {name: test}
    """
    row = actions.split(version=profiled(inside), plan=plan, by=inside.dario)
    deliver(inside.meridian)

    row.refresh_from_db()
    assert row.plan["parts"][0] == {"name": "train", "until": "2013-07-01"}
    assert row.report["parts"][0]["to"] == "2013-06-26"


def test_a_plan_that_does_not_fit_is_refused(inside):
    version = profiled(inside)

    for plan, words in (
        ({"method": "magic", "parts": HALVES["parts"]}, "not a way to split"),
        ({**HALVES, "stratify": "z"}, "no column 'z'"),
        ("nothing", "Parts are a list"),
    ):
        with pytest.raises(Invalid, match=words):
            actions.split(version=version, plan=plan, by=inside.dario)


def test_a_split_with_an_empty_part_fails_with_its_sentence(inside):
    plan = {"method": "time", "column": "day", "parts": [{"name": "old", "until": "1999-01-01"}, {"name": "new"}]}

    row = actions.split(version=profiled(inside), plan=plan, by=inside.dario)
    deliver(inside.meridian)

    row.refresh_from_db()
    assert row.state == "failed"
    assert "No row falls into old" in row.failure
    assert not row.parts.exists()


# Rows


def test_sensitive_rows_are_for_those_who_work_with_them(inside):
    project = project_at(inside, "approved")
    source = source_of(inside, project, classification="restricted")
    version = profiled(inside, dataset_of(inside, project, source=source))

    for person in (inside.dario, inside.vera, inside.audrey):
        policies.check_see_rows(person, version)
    for person in (inside.bianca, inside.wim, inside.carlo):
        with pytest.raises(Refused, match="sensitive"):
            policies.check_see_rows(person, version)
    actions.note_download(version=version, what="table", by=inside.vera)
    assert decisions(version)[-1] == "dataset_version.downloaded"


def test_other_rows_are_for_everybody_on_the_project(inside):
    version = profiled(inside)

    assert policies.can_see_rows(inside.wim, version)
    with pytest.raises(NotVisible):
        policies.check_see_rows(inside.mina, version)


def test_a_file_object_that_is_no_bytes_buffer_is_streamed(inside, tmp_path):
    path = tmp_path / "flights.csv"
    path.write_text("a,b\n1,2\n")

    with path.open("rb") as file:
        version = actions.upload_version(dataset=dataset_of(inside), file=file, name="flights.csv", by=inside.dario)
        assert not file.closed

    assert version.raw_size == 8
    assert isinstance(file, io.BufferedReader)
