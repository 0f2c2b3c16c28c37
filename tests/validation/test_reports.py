"""Reports on paper and what is signed: the same bytes from the record, checked offline; two runs side by side."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import reverse

from apps.audit import chain, statement_verifier
from apps.audit.models import Record
from apps.core import files
from apps.core.canonical import content_hash
from apps.datasets.models import DatasetVersion
from apps.validation import actions, attestations, comparison, records, report, sheets
from apps.validation.models import SignedReport, ValidationRun
from tests.cast import Cast
from tests.models.factories import signed_off
from tests.validation import factories
from tests.validation.factories import LINES, STRICT, finished_run
from tests.validation.test_pages import of, url


def concluded(cast: Cast, **more: Any) -> ValidationRun:
    run = finished_run(cast, **more)
    return actions.conclude(run=run, outcome="validated", statement="Accurate and fair enough.", by=cast.vera)


def test_conclusion_is_signed_and_checked_offline_against_its_files(inside: Cast, tmp_path: Path) -> None:
    run = concluded(inside)
    signed = SignedReport.objects.get(run=run)
    model, report = tmp_path / "late.onnx", tmp_path / "report.pdf"
    with files.open_file(run.version.artifact.path) as artifact:
        model.write_bytes(artifact.read())
    report.write_bytes(attestations.report(run))

    found, statement = statement_verifier.verify(signed.envelope.encode(), [chain.public_key()], [model, report])

    assert found.is_intact, found.problems
    assert {one["name"] for one in statement["subject"]} == {"artifact", "plan", "report", "test data"}
    told = statement["predicate"]
    auc = next(one for one in told["checks"] if one["name"] == "perf.auc")
    kept = run.results.get(name="perf.auc")
    assert (auc["value"], auc["low"], auc["fail"], auc["verdict"]) == (kept.value, kept.low, 0.6, "passed")
    assert auc["evidence"] == content_hash(kept.evidence)
    assert told["conclusion"]["by"]["email"] == inside.vera.email
    assert told["run"]["libraries"]["onnxruntime"] and told["plan"]["hash"] == run.plan.content_hash
    assert Record.objects.get(action="run.concluded").details["report"] == signed.report_sha256
    report.write_bytes(report.read_bytes()[:-1] + b" ")
    assert not statement_verifier.verify(signed.envelope.encode(), [chain.public_key()], [report])[0].is_intact


def test_report_and_statement_are_made_again_to_the_same_bytes(inside: Cast) -> None:
    run = concluded(inside)
    signed = SignedReport.objects.get(run=run)
    loaded = records.load(run)
    results = records.results_of(loaded)

    again = attestations.drawn_again(signed, results)

    assert hashlib.sha256(again).hexdigest() == signed.report_sha256
    assert again == attestations.report(run)
    assert attestations.envelope(records.of(loaded, results), again, chain.private_key()) == signed.envelope
    actions.raise_finding(version=run.version, title="Later", description="x", severity="low", by=inside.vera)
    assert attestations.drawn_again(signed, results) == again
    assert attestations.report(run) == again


def test_report_before_the_conclusion_is_drawn_from_the_record(inside: Cast) -> None:
    run = finished_run(inside, lines=STRICT)

    first = attestations.report(run)

    assert first.startswith(b"%PDF-1.7") and attestations.report(run) == first
    record = records.of(records.load(run), records.results_of(run))
    assert [one["title"] for one in record["findings"]] == ["ROC AUC failed"]
    assert sheets.said(record, run.results.all())["conclusion"] is None


def named_rows(cast: Cast, version: Any, identifier: str) -> DatasetVersion:
    """Test data with a column B0, B1, … that is declared an identifier where it has a name."""
    import pyarrow as pa

    made = factories.table(1_500, 5).append_column("booking", pa.array([f"B{place}" for place in range(1_500)]))
    return signed_off(cast, version.model.project, made, "named", **dict.fromkeys([identifier], "identifier"))


@pytest.mark.parametrize(
    ("identifier", "told"),
    [
        ("booking", "Rows of the test data, counted from 0, and by booking"),
        ("", "Rows of the test data, counted from 0; the data declare no column that identifies a row"),
    ],
)
def test_offending_rows_are_named_in_page_report_and_api(
    inside: Cast, sign_in: Any, identifier: str, told: str
) -> None:
    version = factories.candidate(inside)
    test_rows = named_rows(inside, version, identifier)
    line = {"key": "robust.adversarial", "fail": 0.9}
    run = finished_run(inside, version, [line], test_data=test_rows)
    result = run.results.get()
    row = result.evidence["rows"][0]
    name = f"B{row['row']}"
    vera = sign_in(inside.vera)

    page = vera.get(run.get_absolute_url()).content.decode()
    assert told in page and (f"<td>{name}</td>" in page) is bool(identifier)
    plan = vera.get(run.plan.get_absolute_url()).content.decode()
    assert ("declare no" in plan) is not bool(identifier)
    record = records.of(records.load(run), [result])
    drawn = next(one for part in sheets.said(record, [result])["sections"] for one in part["checks"])
    assert drawn["places"].startswith(f"{told}: {row['row']}{f' ({name})' if identifier else ''}, ")
    assert sheets.pdf(record, [result]).startswith(b"%PDF")
    answer = vera.get(f"/o/meridian/api/v1/check-results/?run={run.pk}").json()["results"][0]
    assert answer["evidence"]["rows"][0] == ({"row": row["row"], "id": name} if identifier else {"row": row["row"]})


def test_reports_from_before_rows_had_names_are_drawn_as_they_were() -> None:
    assert report.rows_title({"rows": [{"row": 4}]}) == "Rows of the test data, counted from 0"
    assert [shown.columns for shown in report.rows_of({"rows": [{"row": 4}]})] == [[("row", True)]]


def test_names_that_never_end_fit_and_are_no_markup(inside: Cast) -> None:
    run = finished_run(inside)
    record = records.of(records.load(run), records.results_of(run))
    results = list(run.results.all())
    plain = sheets.pdf(record, results)
    record["version"]["label"] = "#panic() $x$ " + "a_name_without_end_" * 12
    record["checks"][0]["sentence"] = "@none <script> " + "x" * 400

    made = sheets.pdf(record, results)

    assert made != plain and made.startswith(b"%PDF-1.7")


def test_what_was_signed_is_kept_from_the_application(inside: Cast) -> None:
    concluded(inside)

    with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update validation_signedreport set envelope = ''")


def test_report_and_signed_archive_are_downloaded_from_page_and_api(inside: Cast, sign_in: Any) -> None:
    run = finished_run(inside)
    vera = sign_in(inside.vera)
    assert vera.get(url("signed-file", *of(run))).status_code == 409
    draft = vera.get(url("report-file", *of(run)))
    actions.conclude(run=run, outcome="conditions", statement="Fit.", conditions="Weekly checks.", by=inside.vera)

    report, archive = vera.get(url("report-file", *of(run))), vera.get(url("signed-file", *of(run)))

    signed = SignedReport.objects.get(run=run)
    assert draft.content != report.content and report["Content-Type"] == "application/pdf"
    assert hashlib.sha256(report.content).hexdigest() == signed.report_sha256
    within = zipfile.ZipFile(io.BytesIO(archive.content))
    assert set(within.namelist()) == {
        "statement.json", "report.pdf", "public_keys.json", "verify.py", "verifier.py", "README.txt",
    }  # fmt: skip
    assert within.read("report.pdf") == report.content
    page = vera.get(run.get_absolute_url()).content.decode()
    assert url("signed-file", *of(run)) in page and signed.report_sha256[:12] in page
    here = f"/o/{inside.meridian.key}/api/v1/validation-runs/{run.pk}/"
    told = vera.get(f"{here}statement/").json()
    assert told["envelope"] == within.read("statement.json").decode() and told["key_id"] == signed.key_id
    assert base64.b64decode(told["public_key"]) == chain.public_key()
    assert vera.get(f"{here}report/").content == report.content
    assert vera.get(f"{here}signed/").content == archive.content
    assert sign_in(inside.mallory).get(url("report-file", *of(run))).status_code == 404


def test_two_runs_side_by_side_say_what_moved_and_why(inside: Cast) -> None:
    first = finished_run(inside)
    weaker = factories.candidate(inside, first.version.model, slope=0.2)
    lines = [{**LINES[0], "fail": 0.55}, *LINES[1:3]]
    second = finished_run(inside, weaker, lines)

    found = comparison.of(first, second)

    by_name = {line.name: line for line in found.lines}
    auc, gone = by_name["perf.auc"], by_name["sec.digest"]
    values = [run.results.get(name="perf.auc").value for run in (first, second)]
    assert auc.moved == pytest.approx(values[1] - values[0])
    assert auc.asked_otherwise == "asked with other threshold to fail"
    assert by_name["sec.format"].moved_word == "the same"
    assert gone.second is None and gone.asked_otherwise == "asked in one run only"
    assert {"Artifact", "Plan", "Checks and thresholds"} <= set(found.differing)
    assert (
        "Test data" in {one.name for one in found.circumstances}
        and "Test data" not in found.differing
        and "Libraries" not in found.differing
    )
    order = [question for question, _ in found.sections]
    assert order[0] == "Is the model accurate?" and len(order) == 3


def test_comparison_takes_two_queries_however_many_checks(inside: Cast, django_assert_num_queries: Any) -> None:
    run = finished_run(inside)
    found = ValidationRun.objects.select_related(*comparison.BESIDE).get(pk=run.pk)

    with django_assert_num_queries(2):
        told = comparison.as_json(comparison.of(found, found))

    assert len(told["checks"]) == len(LINES) and str(found)


def test_run_with_a_library_of_another_version_is_told(inside: Cast) -> None:
    run = finished_run(inside)
    other = ValidationRun.objects.get(pk=run.pk)
    other.libraries = {**run.libraries, "numpy": "0.9"}

    told = {one.name: one for one in comparison.of(run, other).circumstances}

    assert (told["Library numpy"].first, told["Library numpy"].second) == (run.libraries["numpy"], "0.9")


def test_comparison_is_a_page_and_an_answer_of_the_api(inside: Cast, sign_in: Any) -> None:
    first = finished_run(inside)
    second = factories.again(inside, first, [*STRICT[:1], *LINES[1:]])
    vera = sign_in(inside.vera)
    here = reverse("validation:compare", args=[inside.meridian.key])

    empty = vera.get(here)
    assert "Two runs to compare" in empty.text and 'optgroup label="Late flights"' in empty.text
    assert f">Version 1, validation {second.number}</option>" in empty.text
    assert f"{here}?first={second.pk}" in vera.get(first.version.get_absolute_url()).text
    page = vera.get(f"{here}?first={first.pk}&second={second.pk}")
    assert page.status_code == 200 and "1 of 5 checks have another verdict." in re.sub(r"\s+", " ", page.text)
    assert "asked with other threshold to fail, threshold to warn" in page.text
    assert vera.get(f"{here}?first={first.pk}&second={first.pk}").status_code == 422
    assert vera.get(f"{here}?first={first.pk}&second=nonsense").status_code == 422
    api = f"/o/{inside.meridian.key}/api/v1/validation-runs/{first.pk}/compare/"
    told = vera.get(f"{api}?with={second.pk}").json()
    assert told["checks"][0]["first"]["verdict"] == "passed" and told["checks"][0]["second"]["verdict"] == "failed"
    assert vera.get(api).status_code == 422
    assert vera.get(f"{api}?with=nonsense").status_code == 404
    assert json.dumps(told)
