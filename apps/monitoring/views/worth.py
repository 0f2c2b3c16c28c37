"""What predictions are worth: of one endpoint, by project, and over the whole portfolio."""

import datetime as dt
from typing import Any

from django.db.models import Model

from apps.core.pages import Action, Crumb, refusal
from apps.deployments.models import Endpoint
from apps.monitoring import actions, drawing, pictures, policies, tables, worth
from apps.monitoring.forms import ValuesForm
from apps.monitoring.models import OutcomeValues
from apps.monitoring.views.shared import OfEndpoint, crumbs, link, of_endpoint
from apps.organizations.bases import ListPage, ObjectFormPage
from apps.projects.models import Project


class EndpointValue(OfEndpoint):
    """The value of an endpoint's predictions, month by month, and the promise it is held against."""

    template_name = "monitoring/value.html"
    tab = "value"

    def table(self) -> tables.Table:
        return tables.value(self._months())

    def _months(self) -> list[worth.Sums]:
        """The months that the chosen time touches."""
        until = self.period.until.date()
        every = worth.by_month([self.object], self.period.since.date().replace(day=1))[self.object.pk]
        return [month for month in every if month.start <= until]

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project__organization", "environment", "organization")

    def context(self, **more: Any) -> dict[str, Any]:
        endpoint = self.object
        months = self._months()
        versions = worth.values_of([endpoint])[endpoint.pk]
        return super().context(
            title="Value",
            state=None,
            primary=Action(
                "Say what outcomes are worth",
                link("set-values", self.organization, endpoint.key),
                method="get",
                refused=refusal(policies.check_set_values, self.request.user, endpoint.model.project),
            ),
            months=months[::-1],
            total=_total(months),
            versions=_told(versions),
            names=[(name, worth.WORDS[name]) for name in _named(versions[0])] if versions else [],
            chart=pictures.value(months),
            promises=drawing.value(endpoint, self.period),
            **more,
        )


def _total(months: list[worth.Sums]) -> worth.Sums:
    """All months as one."""
    whole = worth.Sums(months[0].start if months else dt.date.today())
    for month in months:
        whole.known += month.known
        whole.value += month.value
        whole.variance += month.variance
        whole.currency = month.currency or whole.currency
    return whole


def _named(row: OutcomeValues) -> list[str]:
    """What has an amount, in the order in which people read it."""
    return [name for name in worth.WORDS if name in row.values]


def _told(versions: list[OutcomeValues]) -> list[dict[str, Any]]:
    return [
        {"row": row, "amounts": [(worth.WORDS[name], row.values[name]) for name in _named(row)]}
        for row in versions
    ]  # fmt: skip


class SetValues(ObjectFormPage):
    """Say what right and wrong predictions of an endpoint are worth."""

    model: type[Model] = Endpoint
    lookups = {"endpoint": "key"}
    template_name = "monitoring/values_form.html"
    title, submit, form_class = "Say what outcomes are worth", "Keep", ValuesForm
    done = "The amounts are kept; months are valued by them."

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "organization", "environment")

    @property
    def project(self) -> Any:
        """Whose promise it is."""
        return self.object.model.project

    def check(self) -> None:
        policies.check_set_values(self.request.user, self.project)

    def get_form(self, **kwargs: Any) -> ValuesForm:
        return ValuesForm(**{key: kwargs[key] for key in kwargs if key != "files"})

    def cancel_url(self) -> str:
        return link("endpoint-value", self.organization, self.object.key)

    def initial(self) -> dict:
        known = worth.values_of([self.object])[self.object.pk]
        return {"currency": known[0].currency, **known[0].values} if known else {}

    def perform(self, form: Any) -> str:
        actions.set_values(project=self.project, endpoint=self.object, by=self.request.user, **form.settings())
        return self.cancel_url()

    def context(self, **more: Any) -> dict[str, Any]:
        lead = "A gain is positive, a cost negative. What was valued before keeps its amounts until the day you give."
        trail = of_endpoint(self.organization, self.object, Crumb("Value", self.cancel_url()), Crumb(self.title))
        return super().context(**({"crumbs": trail, "lead": lead} | more))


class SetProjectValues(SetValues):
    """Say what outcomes are worth at every endpoint of a project that has no amounts of its own."""

    model = Project
    lookups = {"project": "key"}

    def get_queryset(self) -> Any:
        return Project.objects.select_related("organization")

    @property
    def project(self) -> Any:
        return self.object

    def cancel_url(self) -> str:
        return link("portfolio-value", self.organization)

    def initial(self) -> dict:
        known = OutcomeValues.objects.filter(project=self.object, endpoint=None).order_by("-number").first()
        return {"currency": known.currency, **known.values} if known else {}

    def perform(self, form: Any) -> str:
        actions.set_values(project=self.project, by=self.request.user, **form.settings())
        return self.cancel_url()

    def context(self, **more: Any) -> dict[str, Any]:
        trail = crumbs(self.organization, Crumb("Value", self.cancel_url()), Crumb(str(self.object)))
        return super().context(**({"crumbs": trail} | more))


class PortfolioValue(ListPage):
    """The whole portfolio: every endpoint with what it was worth, by project, and all of it through time."""

    template_name = "monitoring/portfolio_value.html"
    title = "Value of the portfolio"
    model = Endpoint
    orderings = {"endpoint": "key", "model": "model__name", "project": "model__project__title"}
    default_ordering = "key"
    columns = {
        "Endpoint": "key", "Model": "model__name", "Project": "model__project__title",
        "Outcomes valued": "total__known", "Value": "total__value", "From": "total__low", "To": "total__high",
        "Currency": "total__currency",
    }  # fmt: skip
    page_size = 200

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project__organization", "environment", "organization")

    def _export(self, rows: Any) -> Any:
        every = list(rows)
        months = worth.by_month(every)
        for one in every:
            one.total = _total(months[one.pk])
        return super()._export(every)  # type: ignore[arg-type]

    def context(self, **more: Any) -> dict[str, Any]:
        page = more.get("page")
        every = list(page.paginator.object_list) if page is not None else []
        months = worth.by_month(every)
        rows = [{"endpoint": one, "total": _total(months[one.pk]), "months": months[one.pk]} for one in every]
        shown = {one.pk for one in page} if page is not None else set()
        return super().context(
            lead="What predictions were worth by the amounts that their projects gave, as far as outcomes are known.",
            crumbs=crumbs(self.organization, Crumb("Value")),
            rows=[row for row in rows if row["total"].currency and row["endpoint"].pk in shown],
            unvalued=[row for row in rows if not row["total"].currency and row["endpoint"].pk in shown],
            projects=[
                one | {"may_set": not refusal(policies.check_set_values, self.request.user, one["project"])}
                for one in _by_project(rows)
            ],
            charts=[
                pictures.value(found, f"What is the whole portfolio worth, in {currency}?")
                for currency, found in _by_currency(rows).items()
            ],
            **more,
        )


def _by_project(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sums by project and currency: amounts of different currencies are never added."""
    found: dict[tuple[Any, str], dict[str, Any]] = {}
    for row in rows:
        project, total = row["endpoint"].model.project, row["total"]
        if total.currency:
            one = found.setdefault((project.pk, total.currency), {"project": project, "total": _total([])})
            one["total"] = _total([one["total"], total])
            one["endpoints"] = one.get("endpoints", 0) + 1
    return sorted(found.values(), key=lambda one: -one["total"].value)


def _by_currency(rows: list[dict[str, Any]]) -> dict[str, list[worth.Sums]]:
    found: dict[str, dict[dt.date, list[worth.Sums]]] = {}
    for row in rows:
        for month in row["months"]:
            if month.currency:
                found.setdefault(month.currency, {}).setdefault(month.start, []).append(month)
    return {currency: [_total(months[start]) for start in sorted(months)] for currency, months in sorted(found.items())}
