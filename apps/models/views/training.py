"""Pages of training: start, follow, compare, register."""

from typing import Any

import django_filters
from django.http import HttpRequest, HttpResponse

from apps.core import charts
from apps.core.errors import Invalid
from apps.core.pages import Action, Crumb, refusal
from apps.discussions import timeline
from apps.models import actions, comparison, policies
from apps.models.engine import suggest
from apps.models.engine.figures import SMALLER_IS_BETTER, title_of
from apps.models.forms import RegisterVersionForm, TrainForm, signed_off
from apps.models.models import RegisteredModel, RunState, TrainingRun
from apps.models.related import MODEL, RUN
from apps.models.views.shared import ModelForm, OfModel, RunForm
from apps.organizations import access
from apps.organizations.bases import ActionPage, ListPage, ObjectPage
from apps.organizations.roles import Permission
from apps.work import jobs


class RunFilter(django_filters.FilterSet):
    """State."""

    state = django_filters.ChoiceFilter(choices=RunState.choices)


class RunList(OfModel, ListPage):
    """Training runs of one model."""

    template_name = "models/run_list.html"
    title = "Training runs"
    model = TrainingRun
    lookups = {"key": "model__key"}
    filterset_class = RunFilter
    orderings = {"number": "number", "state": "state", "finished": "finished_at", "seconds": "seconds"}
    default_ordering = "-number"
    columns = {
        "Run": "number",
        "State": "state",
        "Data": "dataset_version",
        "Started by": "started_by",
        "Started": "created_at",
        "Finished": "finished_at",
        "Chosen": lambda run: (run.result or {}).get("chosen", ""),
        "Metric": "metric",
        "On test rows": lambda run: ((run.result or {}).get("metrics") or {}).get("test", {}).get(run.metric),
    }

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.of = self.find_model()

    def get_queryset(self) -> Any:
        return TrainingRun.objects.filter(model=self.of).select_related(*RUN).prefetch_related("versions")

    def context(self, **more: Any) -> dict[str, Any]:
        refused = refusal(policies.check_develop, self.request.user, self.of)
        return super().context(
            crumbs=self.crumbs(self.of, Crumb(self.title)),
            tabs=self.tabs("runs"),
            primary=self.link("Train", "train", refused=refused),
            compare_url=self.url("compare-runs"),
            of=self.of,
            **more,
        )


class Train(ModelForm):
    """Start a training run."""

    template_name = "models/train.html"
    title, submit, done = "Train", "Start training", "Queued. A worker begins in a moment."

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return TrainForm(model=self.object, **kwargs)

    def check(self) -> None:
        policies.check_develop(self.request.user, self.object)

    def initial(self) -> dict:
        version = self._data()
        return {"dataset_version": version, "recipe": self._recipe(version)}

    def _data(self) -> Any:
        """The data the address asks for, else the newest that were signed off."""
        choices, wanted = signed_off(self.object), self.request.GET.get("data", "")
        key, _, number = wanted.partition("@")
        if number.isdecimal():
            return choices.filter(dataset__key=key, number=int(number)).first()
        return choices.first()

    def _recipe(self, version: Any) -> str:
        """The recipe of the run the address asks for, else of the newest run, else a first one for the data."""
        runs, wanted = self.object.runs.order_by("-number"), self.request.GET.get("like", "")
        before = runs.filter(number=int(wanted)).first() if wanted.isdecimal() else runs.first()
        if before is not None:
            return suggest.text(before.recipe)
        if version is None:
            return ""
        return suggest.text(suggest.recipe(version.schema, self.object.kind, self.object.target))

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"has_data": signed_off(self.object).exists()} | more))

    def perform(self, form: Any) -> str:
        return actions.start_training(model=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()


class RunPage(OfModel, ObjectPage):
    """One run: live while it works, then candidates, figures, the chosen model, the log."""

    template_name = "models/run.html"
    model = TrainingRun
    lookups = {"key": "model__key", "number": "number"}

    def get_queryset(self) -> Any:
        return TrainingRun.objects.select_related(*RUN)

    def context(self, **more: Any) -> dict[str, Any]:
        run, user = self.object, self.request.user
        version = run.versions.select_related("organization", "model__organization").first()
        return super().context(
            crumbs=self.crumbs(run.model, Crumb("Training runs", self.url("runs")), Crumb(f"Run {run.number}")),
            owner=run.started_by,
            lead=run.reason,
            primary=self._primary(run, version),
            actions=[
                Action(
                    "Cancel",
                    self.url("cancel-run", run.number),
                    refused=refusal(policies.check_cancel_training, user, run),
                    danger=True,
                ),
                Action(
                    "Train again like this",
                    f"{self.url('train')}?like={run.number}",
                    method="get",
                    refused=refusal(policies.check_develop, user, run.model),
                ),
            ],
            version=version,
            artifact=run.artifacts.select_related("organization", "model__organization").first(),
            recipe=suggest.text(run.recipe),
            timeline=timeline.of(run),
            can_comment=access.can(user, Permission.COMMENT, run),
            **live(run),
            **figures(run),
            **more,
        )

    def _primary(self, run: TrainingRun, version: Any) -> Action | None:
        if version is not None:
            return Action(f"Version {version.number}", version.get_absolute_url(), method="get")
        refused = refusal(policies.check_register_run, self.request.user, run)
        return self.link("Register as version", "register-run", run.number, refused=refused)


def live(run: TrainingRun) -> dict[str, Any]:
    """What a run says while it works: its job, its newest lines, the candidates that are done."""
    lines = list(run.lines.order_by("-id")[:200])[::-1]
    done = {line.candidate["name"]: line.candidate for line in lines if line.candidate}
    candidates = (run.result or {}).get("candidates") or list(done.values())
    return {"work": jobs.newest(run), "lines": lines, "candidates": ranked(candidates, run.metric)}


def ranked(candidates: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """Candidates with the best first."""
    sign = 1 if metric in SMALLER_IS_BETTER else -1
    return sorted(candidates, key=lambda row: (row["mean"] is None, sign * (row["mean"] or 0)))


def figures(run: TrainingRun) -> dict[str, Any]:
    """Tables and charts of a run that succeeded."""
    if not run.result:
        return {}
    measured = run.result["metrics"]
    names = sorted({*measured["train"], *measured["test"]})
    importance = [(item["feature"], item["drop"]) for item in run.result["importance"][:20]]
    return {
        "measured": [(title_of(name), measured["train"].get(name), measured["test"].get(name)) for name in names],
        "importance": charts.bars(f"Which features carry the {run.metric_name}?", importance) if importance else None,
        "comparison": charts.bars(
            f"Which candidate has the best {run.metric_name} over {run.recipe['cv']['folds']} folds?",
            [
                (row["name"], row["mean"])
                for row in ranked(run.result["candidates"], run.metric)
                if row["mean"] is not None
            ],
        ),
    }


class RunLive(OfModel, ObjectPage):
    """The part of a run's page that moves; asks for the whole page when the run has ended."""

    template_name = "models/_live.html"
    model = TrainingRun
    lookups = {"key": "model__key", "number": "number"}

    def get_queryset(self) -> Any:
        return TrainingRun.objects.select_related(*RUN)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        response = super().get(request, **kwargs)
        if not self.object.is_open:
            response.headers["HX-Refresh"] = "true"
        return response

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**live(self.object), **more)


class CancelRun(OfModel, ActionPage):
    """Ask a run to stop."""

    model = TrainingRun
    lookups = {"key": "model__key", "number": "number"}
    done = "It stops in a moment."

    def get_queryset(self) -> Any:
        return TrainingRun.objects.select_related(*RUN)

    def perform(self) -> str:
        return actions.cancel_training(run=self.object, by=self.request.user).get_absolute_url()


class RegisterRun(RunForm):
    """Register what a run gave as the next version."""

    title, submit, form_class = "Register as version", "Register", RegisterVersionForm
    done = "Registered as a draft. Write its card next."

    def check(self) -> None:
        policies.check_register_run(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        version = actions.register_version(
            model=self.object.model, run=self.object, note=form.cleaned_data["note"], by=self.request.user
        )
        return version.get_absolute_url()


class Compare(OfModel, ObjectPage):
    """Base of the pages that set several parts of one model side by side; `?<what>=1&<what>=2` chooses."""

    template_name = "models/compare.html"
    model = RegisteredModel
    lookups = {"key": "key"}
    what = ""

    def get_queryset(self) -> Any:
        return RegisteredModel.objects.select_related(*MODEL)

    def all_rows(self) -> Any:
        """Everything that can be compared."""
        raise NotImplementedError

    def groups(self, rows: list[Any]) -> list[comparison.Group]:
        """The rows of the table."""
        raise NotImplementedError

    def context(self, **more: Any) -> dict[str, Any]:
        every = list(self.all_rows()[:100])
        wanted = [int(number) for number in self.request.GET.getlist(self.what) if number.isdecimal()]
        if len(wanted) > comparison.MOST:
            raise Invalid(f"At most {comparison.MOST} can be compared at once.")
        chosen = [row for row in every if row.number in wanted] or every[:2]
        chosen.sort(key=lambda row: row.number)
        return super().context(
            title=f"Compare {self.what}s of {self.object}",
            crumbs=self.crumbs(self.object, Crumb("Compare")),
            state=self.object.state,
            what=self.what,
            every=every,
            picked=chosen,
            numbers=[row.number for row in chosen],
            groups=self.groups(chosen) if chosen else [],
            **more,
        )


class CompareRuns(Compare):
    """Runs side by side."""

    what = "run"

    def all_rows(self) -> Any:
        return self.object.runs.select_related(*RUN).order_by("-number")

    def groups(self, rows: list[Any]) -> list[comparison.Group]:
        return comparison.of_runs(rows)
