"""Pages of a version: what it holds, where it comes from, whether it is fit, and its rows."""

from typing import Any

from django.http import FileResponse, HttpRequest

from apps.core import files
from apps.core.errors import Conflict
from apps.core.pages import Action, Crumb, Tab, refusal
from apps.datasets import actions, drawing, policies
from apps.datasets.downloads import download
from apps.datasets.forms import ReadForm, ReasonForm, UseForm
from apps.datasets.models import DatasetVersion, VersionState
from apps.datasets.views.shared import OfDatasets, version_rows
from apps.discussions import timeline
from apps.organizations.bases import ActionPage, ObjectFormPage, ObjectMixin, ObjectPage, TenantPage
from apps.work import jobs

SHOWN_ROWS = 25


class _OfVersion(OfDatasets, ObjectMixin):
    model = DatasetVersion
    lookups = {"key": "dataset__key", "number": "number"}

    def get_queryset(self) -> Any:
        return version_rows()

    def at(self, name: str, version: DatasetVersion, *more: Any) -> str:
        """A page of this version."""
        return self.url(name, version.dataset.key, version.number, *more)


class VersionPage(_OfVersion, ObjectPage):
    """A version with its profile, rows, quality and descent, each behind its tab."""

    template_name = "datasets/version.html"
    TABS = (
        ("overview", "Overview"),
        ("columns", "Columns"),
        ("rows", "Rows"),
        ("quality", "Quality"),
        ("descent", "Descent"),
    )

    def context(self, **more: Any) -> dict[str, Any]:
        version = self.object
        chosen = self.request.GET.get("tab", "")
        tab = chosen if chosen in dict(self.TABS) else "overview"
        return super().context(
            crumbs=self.version_crumbs(version),
            owner=version.created_by,
            tab=tab,
            tabs=self._tabs(version, tab) if version.is_readable else None,
            job=self._job(version),
            primary=self._primary(version),
            actions=self._actions(version),
            remarks=[*version.reading.get("warnings", []), *version.profile.get("remarks", [])],
            missing_share=_missing_share(version),
            timeline=timeline.of(version) if tab == "overview" else None,
            **getattr(self, f"_{tab}")(version),
            **more,
        )

    def _tabs(self, version: DatasetVersion, current: str) -> list[Tab]:
        here = version.get_absolute_url()
        return [
            Tab(label, here if name == "overview" else f"{here}?tab={name}", current=name == current)
            for name, label in self.TABS
        ]

    def _job(self, version: DatasetVersion) -> Any:
        job = jobs.newest(version)
        return job if job is not None and job.is_open else None

    def _primary(self, version: DatasetVersion) -> Any:
        user = self.request.user
        if version.state == VersionState.FAILED:
            refused = refusal(policies.check_read_again, user, version)
            return self.link("Read it again", "read-again", version.dataset.key, version.number, refused=refused)
        if version.state == VersionState.PROFILED:
            refused = refusal(policies.check_request_sign_off, user, version)
            return self.link("Ask for sign-off", "sign-off", version.dataset.key, version.number, refused=refused)
        refused = refusal(policies.check_prepare, user, version, version.dataset)
        return self.link("Prepare", "prepare", version.dataset.key, version.number, refused=refused)

    def _actions(self, version: DatasetVersion) -> list[Any]:
        user, place = self.request.user, (version.dataset.key, version.number)
        prepare = refusal(policies.check_prepare, user, version, version.dataset)
        rows = refusal(policies.check_see_rows, user, version)
        readable = refusal(policies.require_readable, version)
        found = [
            self.link("Prepare", "prepare", *place, refused=prepare),
            self.link("Split", "split-version", *place, refused=refusal(policies.check_split, user, version)),
            self.link("Download as Parquet", "download", *place, "table", refused=readable or rows),
        ]
        if version.raw_file:
            found.append(self.link("Download as it came", "download", *place, "original", refused=rows))
        reject = refusal(policies.check_reject, user, version)
        return [*found, self.link("Reject", "reject", *place, refused=reject, danger=True)]

    def _overview(self, version: DatasetVersion) -> dict[str, Any]:
        details = version.failure_details.get("details", {})
        return {"broken": [_place(found) for found in details.get("first", [])], "total_broken": details.get("total")}

    def _columns(self, version: DatasetVersion) -> dict[str, Any]:
        measured = version.profile.get("columns", [])
        wanted = self.request.GET.get("column", "")
        chosen = next((column for column in measured if column["name"] == wanted), None) or _first_worth(measured)
        nullable = {column["name"]: column for column in version.schema}
        return {
            "columns": [
                {
                    **column,
                    **nullable.get(column["name"], {}),
                    "spark": drawing.spark(column),
                    "typical": drawing.typical(column),
                }
                for column in measured
            ],
            "column": chosen,
            "column_chart": drawing.column_chart(chosen, version.rows or 0) if chosen else None,
            "correlation_chart": drawing.correlation_chart(version.profile),
        }

    def _rows(self, version: DatasetVersion) -> dict[str, Any]:
        refused = refusal(policies.check_see_rows, self.request.user, version)
        if refused or not version.is_readable:
            return {"rows_refused": refused or "There are no rows to show."}
        from apps.datasets.engine.tables import Table
        from apps.datasets.engine.values import plain_value

        try:
            files.open_of(version, version.file, version.sha256).close()
        except Conflict as error:
            return {"rows_refused": error.sentence}
        with files.local(version.file) as path:
            head = Table(path).head(SHOWN_ROWS)
        cells = [[None if value is None else str(plain_value(value)) for value in row.values()] for row in head]
        return {"head": cells, "shown_rows": SHOWN_ROWS}

    def _quality(self, version: DatasetVersion) -> dict[str, Any]:
        check = policies.newest_check(version)
        refused = refusal(policies.check_measure_quality, self.request.user, version)
        url = self.at("check-quality", version)
        return {
            "check": check,
            "results": check.results.select_related("rule") if check is not None else [],
            "quality_actions": [
                Action("Measure now", url, refused=refused),
                self.link("Rules", "rules", version.dataset.key),
            ],
        }

    def _descent(self, version: DatasetVersion) -> dict[str, Any]:
        return {
            "inputs": version.inputs.select_related("input__dataset__organization", "input__organization"),
            "uses": version.uses.select_related("version__dataset__organization", "version__organization"),
            "made_by": version.prepared_by.select_related("into", "organization").first(),
            "preparations": version.preparations.select_related("into", "organization", "result__dataset"),
            "splits": version.splits.select_related("source__dataset", "organization"),
            "part": version.part_of.select_related("split__source__dataset", "split__organization").first(),
        }


def _place(found: dict[str, Any]) -> dict[str, Any]:
    """A broken line or a wrong cell, as a row of a table."""
    if "declared" in found:
        expected = found["declared"]
    else:
        expected = f"{found.get('expected')} fields, there are {found.get('found')}"
    return {
        "line": found.get("line") or found.get("row"),
        "column": found.get("column", ""),
        "text": found.get("text", found.get("value", "")),
        "expected": expected,
    }


def _missing_share(version: DatasetVersion) -> float | None:
    cells = (version.rows or 0) * len(version.schema)
    return version.profile["nulls"] / cells if cells and "nulls" in version.profile else None


def _first_worth(columns: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The column to begin with: the target, else the first with a distribution."""
    targets = [column for column in columns if column.get("role") == "target"]
    drawn = [column for column in columns if len(column.get("histogram", {}).get("counts", [])) > 1]
    return next(iter(targets or drawn or columns), None)


class _VersionForm(_OfVersion, ObjectFormPage):
    """Base of forms about one version."""

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": self.version_crumbs(self.object, Crumb(self.title))} | more))


class ReadAgain(_VersionForm):
    """Read a file that failed with other options."""

    template_name = "datasets/read_again.html"
    title, submit, form_class = "Read it again", "Read it again", ReadForm
    done = "A worker reads the file again now."

    def check(self) -> None:
        policies.check_read_again(self.request.user, self.object)

    def initial(self) -> dict[str, Any]:
        return ReadForm.initial_of(self.object.options)

    def perform(self, form: Any) -> str:
        version = actions.read_again(version=self.object, options=form.options(), by=self.request.user)
        return version.get_absolute_url()


class RequestSignOff(_VersionForm):
    """Ask for a version to be found fit."""

    title, submit, form_class = "Ask for sign-off", "Ask", UseForm
    done = "Asked. The people whose signature it takes have been told."

    def check(self) -> None:
        policies.check_request_sign_off(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        request = actions.request_sign_off(version=self.object, by=self.request.user, **form.cleaned_data)
        return request.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        lead = "What the signers see is frozen now: content, descent, terms of the source, profile and quality."
        return super().context(**({"lead": lead} | more))


class Reject(_VersionForm):
    """Take a version out of use."""

    template_name = "generic/confirm.html"
    title, submit, form_class, done = "Reject this version", "Reject", ReasonForm, "The version is rejected."

    def check(self) -> None:
        policies.check_reject(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        version = actions.reject_version(version=self.object, reason=form.cleaned_data["reason"], by=self.request.user)
        return version.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        consequences = [
            "Nothing new is trained, prepared or divided from it; its sign-off, if it has one, counts no longer.",
            "What was made of it keeps its records. This cannot be undone.",
        ]
        return super().context(**({"danger": True, "consequences": consequences} | more))


class CheckQuality(_OfVersion, ActionPage):
    """Measure the rules now."""

    done = "A worker measures the rules now."

    def perform(self) -> str:
        actions.check_quality(version=self.object, by=self.request.user)
        return f"{self.object.get_absolute_url()}?tab=quality"


class Download(_OfVersion, TenantPage):
    """The rows as Parquet, or the file as it came."""

    def get(self, request: HttpRequest, **kwargs: Any) -> FileResponse:
        return download(self.get_object(), self.kwargs["what"], request.user)
