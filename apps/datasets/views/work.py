"""Pages of work on data: writing a recipe and its report, dividing a version and its parts."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from apps.core.errors import DomainError, Invalid
from apps.core.pages import Crumb, refusal
from apps.core.web import see_other
from apps.datasets import actions, drawing, policies
from apps.datasets.forms import SplitForm
from apps.datasets.models import Dataset, DatasetVersion, PreparationRun, Split, WorkState
from apps.datasets.sayings import Misfit, as_yaml, listed_in
from apps.datasets.views.dataset import readable_tables
from apps.datasets.views.shared import OfDatasets, version_rows
from apps.datasets.written import RecipeEditor
from apps.discussions import timeline
from apps.organizations import access
from apps.organizations.bases import ObjectFormPage, ObjectMixin, ObjectPage, TenantPage
from apps.work import jobs


class NewPreparation(OfDatasets, ObjectMixin, TenantPage):
    """Write a recipe, step by step or as YAML, and have it applied."""

    template_name = "datasets/prepare.html"
    title = "Prepare"
    model = DatasetVersion
    lookups = {"key": "dataset__key", "number": "number"}

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.object = self.get_object()
        self.tables = readable_tables(self.object.dataset.project_id, request.user)

    def get_queryset(self) -> Any:
        return version_rows()

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        policies.check_prepare(request.user, self.object, self.object.dataset)
        return self._page(RecipeEditor(self.object.schema, self.tables, self._earlier()))

    def _earlier(self) -> list[dict[str, Any]]:
        """With `?again=` the recipe of an earlier preparation of this dataset."""
        number = self.request.GET.get("again", "")
        if not number.isdecimal():
            return []
        run = PreparationRun.objects.filter(into=self.object.dataset, number=int(number)).first()
        return _in_order(run.recipe) if run is not None else []

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        policies.check_prepare(request.user, self.object, self.object.dataset)
        wish = request.POST.get("do", "")
        if wish == "yaml":
            return self._from_yaml(request.POST.get("yaml", ""))
        editor = RecipeEditor.posted(self.object.schema, self.tables, request.POST)
        if wish != "start":
            return self._page(editor)
        if not editor.is_readable:
            return self._page(editor, status=422)
        return self._start(editor)

    def _from_yaml(self, text: str) -> HttpResponse:
        from apps.datasets.engine.errors import DataError
        from apps.datasets.engine.preparation import Recipe

        editor = RecipeEditor(self.object.schema, self.tables, [])
        try:
            steps = Recipe.from_list(listed_in(text, "steps", "recipe")).to_list()
        except (Invalid, DataError) as error:
            problems = getattr(error, "problems", [])
            editor.problems = [f"Step {one['step']}: {one['sentence']}" for one in problems] or [error.sentence]
            return self._page(editor, status=422, yaml=text)
        return self._page(RecipeEditor(self.object.schema, self.tables, steps))

    def _start(self, editor: RecipeEditor) -> HttpResponse:
        given = self.request.POST
        try:
            run = actions.prepare(
                version=self.object,
                recipe=editor.steps,
                into=self._into(given.get("into", "")),
                note=given.get("note", ""),
                by=self.request.user,
            )
        except Misfit as error:
            editor.show(error.problems)
            return self._page(editor, status=422)
        except DomainError as error:
            editor.problems.append(error.sentence)
            return self._page(editor, status=error.status)
        messages.success(self.request, "A worker prepares the rows now; you can leave this page.")
        return see_other(run.get_absolute_url())

    def _into(self, key: str) -> Dataset | None:
        return access.visible(Dataset.objects.filter(key=key).select_related("project"), self.request.user).first()

    def _page(self, editor: RecipeEditor, status: int = 200, **more: Any) -> HttpResponse:
        given = self.request.POST
        datasets = Dataset.objects.filter(project_id=self.object.dataset.project_id)
        return self.render(
            status=status,
            **(
                {
                    "title": f"Prepare {self.object}",
                    "object": self.object,
                    "crumbs": self.version_crumbs(self.object, Crumb(self.title)),
                    "editor": editor,
                    "yaml": as_yaml({"steps": editor.steps}) if editor.steps else "",
                    "kinds": list(editor.kinds.values()),
                    "datasets": access.visible(datasets, self.request.user),
                    "into": given.get("into", self.object.dataset.key),
                    "note": given.get("note", ""),
                }
                | more
            ),
        )


def _in_order(recipe: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps as they were written: the database keeps the values, not their order."""
    from apps.datasets.engine.preparation import Recipe

    return Recipe.from_list(recipe).to_list()


def _plan_in_order(plan: dict[str, Any]) -> dict[str, Any]:
    from apps.datasets.engine.splitting import SplitPlan

    return SplitPlan.from_dict(plan).to_dict()


class PreparationPage(OfDatasets, ObjectPage):
    """A preparation: what each step changed, before and after."""

    template_name = "datasets/preparation.html"
    model = PreparationRun
    lookups = {"key": "into__key", "number": "number"}

    def get_queryset(self) -> Any:
        return PreparationRun.objects.select_related(
            "organization", "into__organization", "into__project", "source__dataset__organization",
            "source__organization", "result__dataset__organization", "result__organization", "started_by",
            "learned_from",
        )  # fmt: skip

    def context(self, **more: Any) -> dict[str, Any]:
        run = self.object
        job = jobs.newest(run)
        again = f"{self.url('prepare', run.source.dataset.key, run.source.number)}?again={run.number}"
        return super().context(
            crumbs=self.dataset_crumbs(run.into, Crumb(f"Preparation {run.number}")),
            owner=run.started_by,
            job=job if job is not None and job.is_open else None,
            steps=run.report.get("steps", []),
            recipe=as_yaml({"steps": _in_order(run.recipe)}),
            again="" if refusal(policies.check_prepare, self.request.user, run.source, run.into) else again,
            has_learned=run.state == WorkState.SUCCEEDED and any(run.learned),
            timeline=timeline.of(run),
            **more,
        )


class NewSplit(OfDatasets, ObjectFormPage):
    """Divide a version."""

    title, submit = "Split", "Split it"
    done = "A worker divides the rows now; you can leave this page."
    model = DatasetVersion
    lookups = {"key": "dataset__key", "number": "number"}

    def get_queryset(self) -> Any:
        return version_rows()

    def check(self) -> None:
        policies.check_split(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> SplitForm:
        kwargs.pop("files", None)
        return SplitForm(schema=self.object.schema, **kwargs)

    def initial(self) -> dict[str, Any]:
        targets = [column["name"] for column in self.object.schema if column.get("role") == "target"]
        return {"target": targets[0]} if targets else {}

    def perform(self, form: Any) -> str:
        try:
            row = actions.split(version=self.object, plan=form.plan(), by=self.request.user)
        except Misfit as error:
            for problem in error.problems:
                form.add_error(problem["field"] if problem["field"] in form.fields else None, problem["sentence"])
            error.fields = {}
            raise
        return row.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": self.version_crumbs(self.object, Crumb(self.title))} | more))


class SplitPage(OfDatasets, ObjectPage):
    """A split with its parts and their balance."""

    template_name = "datasets/split.html"
    model = Split
    lookups = {"key": "source__dataset__key", "number": "source__number", "split": "number"}

    def get_queryset(self) -> Any:
        return Split.objects.select_related(
            "organization", "source__dataset__organization", "source__organization", "created_by"
        )

    def context(self, **more: Any) -> dict[str, Any]:
        row = self.object
        job = jobs.newest(row)
        reported = {part["name"]: part for part in row.report.get("parts", [])}
        parts = row.parts.select_related("version__dataset__organization", "version__organization")
        return super().context(
            title=f"Split {row.number} of {row.source}",
            crumbs=self.version_crumbs(row.source, Crumb(f"Split {row.number}")),
            owner=row.created_by,
            job=job if job is not None and job.is_open else None,
            parts=[{"part": part, "said": reported.get(part.name, {})} for part in parts],
            parts_chart=drawing.parts_chart(row.report),
            plan=as_yaml(_plan_in_order(row.plan)),
            timeline=timeline.of(row),
            **more,
        )
