"""Incidents: the list, one with its log, and every step of working on it."""

from typing import Any

import django_filters

from apps.core.pages import Action, Crumb, refusal
from apps.deployments.models import Endpoint
from apps.discussions import timeline
from apps.monitoring import actions, policies, results, stories
from apps.monitoring.forms import AssignForm, CauseForm, EntryForm, IncidentForm, ReasonForm, ResolveForm
from apps.monitoring.models import Alert, Cause, Check, Incident, IncidentState
from apps.monitoring.periods import Period
from apps.monitoring.views.monitors import accepting
from apps.monitoring.views.shared import crumbs, link, of_endpoint
from apps.monitoring.words import SIGNALS
from apps.organizations.bases import ActionPage, ListPage, ObjectFormPage, ObjectPage
from apps.work.once import fresh


class IncidentFilter(django_filters.FilterSet):
    """State, cause, endpoint."""

    state = django_filters.ChoiceFilter(choices=IncidentState.choices)
    cause = django_filters.ChoiceFilter(choices=Cause.choices)
    endpoint = django_filters.CharFilter(field_name="endpoint__key")


class IncidentList(ListPage):
    """What is or was wrong."""

    template_name = "monitoring/incident_list.html"
    title = "Incidents"
    model = Incident
    filterset_class = IncidentFilter
    orderings = {"number": "number", "since": "since", "state": "state", "cause": "cause"}
    default_ordering = "-number"
    columns = {
        "Number": "number", "Title": "title", "Cause": "get_cause_display", "State": "state", "Endpoint": "endpoint",
        "Owner": "owner", "Since": "since", "Opened": "created_at", "Ended": "ended_at", "Root cause": "root_cause",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        return Incident.objects.select_related("organization", "endpoint", "model", "owner")

    def context(self, **more: Any) -> dict[str, Any]:
        wanted = actions.gets_digest(self.request.user)
        digest = link("choose-digest", self.organization, "off" if wanted else "on")
        said = "Stop my daily digest" if wanted else "Send me a daily digest"
        return super().context(
            crumbs=crumbs(self.organization, Crumb(self.title)),
            actions=[Action("Channels", link("channels", self.organization), method="get"), Action(said, digest)],
            **more,
        )


class IncidentPage(ObjectPage):
    """One incident: what was seen, what was found out, what was done."""

    template_name = "monitoring/incident.html"
    model = Incident
    lookups = {"number": "number"}

    def get_queryset(self) -> Any:
        return Incident.objects.select_related(
            "organization", "endpoint__organization", "model__project", "owner", "ended_by", "check_run__monitor"
        )

    def context(self, **more: Any) -> dict[str, Any]:
        incident, user = self.object, self.request.user
        refused = refusal(policies.check_investigate, user, incident)
        alerts = list(
            Alert.objects.filter(incident=incident)
            .select_related("check_run__organization", "monitor__endpoint")
            .defer("check_run__result")[:200]
        )
        period = stories.around(incident, alerts)
        entries = incident.entries.select_related("written_by", "check_run__organization", "check_run__monitor")
        return super().context(
            crumbs=crumbs(
                self.organization,
                Crumb("Incidents", link("incidents", self.organization)),
                Crumb(f"Incident {incident.number}"),
            ),
            owner=incident.owner,
            lifecycle_of=incident.model,
            primary=self._primary(refused),
            actions=[
                self._page("Write", "write-entry", refused),
                self._page("Say what caused it", "find-cause", refused),
                self._page("Give it to somebody", "assign", refused),
                *self._accepting(),
                self._page("Dismiss", "dismiss", refusal(policies.check_dismiss, user, incident), danger=True),
            ],
            log=stories.log(entries.defer("check_run__result")),
            form=None if refused else EntryForm(),
            once=fresh(),
            newest_alerts=alerts[:5],
            older_alerts=alerts[5:],
            features=self._features(period),
            seen=stories.seen(incident.evidence),
            chart=stories.drawn(incident, period),
            period=period,
            at_the_time=period.on(link("endpoint", self.organization, incident.endpoint.key)),
            timeline=timeline.of(incident),
            **more,
        )

    def _features(self, period: Period) -> list[dict[str, Any]]:
        """The features behind it, each with its page at that time."""
        key = self.object.endpoint.key
        return [
            one
            | {"name": results.name_of(one["feature"]), "said": SIGNALS.get(one.get("signal", "drift"), "")}
            | {"url": period.on(link("feature", self.organization, key, one["feature"]))}
            for one in self.object.evidence.get("features", [])
        ]

    def _accepting(self) -> list[Action]:
        """Taking the newest window that showed it as the new normal."""
        told = Check.objects.filter(alerts__incident=self.object, is_current=True)
        newest = told.select_related("monitor__endpoint__model__project", "baseline").order_by("-end_at").first()
        button = accepting(self.organization, self.request.user, newest) if newest is not None else None
        return [button] if button is not None and self.object.is_open else []

    def _primary(self, refused: str) -> Action:
        incident = self.object
        if incident.state == IncidentState.OPEN:
            return Action("Take it", link("investigate", self.organization, incident.number), refused=refused)
        return self._page("Resolve", "resolve", refusal(policies.check_resolve, self.request.user, incident))

    def _page(self, label: str, name: str, refused: str, danger: bool = False) -> Action:
        url = link(name, self.organization, self.object.number)
        return Action(label, url, method="get", refused=refused, danger=danger)


class Investigate(ActionPage):
    """Take an incident."""

    model = Incident
    lookups = {"number": "number"}
    done = "It is yours. Write down what you find."

    def get_queryset(self) -> Any:
        return Incident.objects.select_related("organization", "model__project", "endpoint")

    def perform(self) -> None:
        actions.investigate(incident=self.object, by=self.request.user)


class _OnIncident(ObjectFormPage):
    """A form about an incident."""

    model = Incident
    lookups = {"number": "number"}

    def get_queryset(self) -> Any:
        return Incident.objects.select_related("organization", "model__project", "endpoint__model")

    def check(self) -> None:
        policies.check_investigate(self.request.user, self.object)

    def context(self, **more: Any) -> dict[str, Any]:
        incident = Crumb(f"Incident {self.object.number}", self.object.get_absolute_url())
        trail = crumbs(self.organization, Crumb("Incidents", link("incidents", self.organization)), incident)
        return super().context(**({"crumbs": [*trail, Crumb(self.title)]} | more))


class WriteEntry(_OnIncident):
    """Write what was found or done."""

    title, submit, form_class, done = "Write", "Write", EntryForm, "Written."

    def perform(self, form: Any) -> str:
        actions.write_entry(incident=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()


class FindCause(_OnIncident):
    """Say what caused it."""

    title, submit, form_class, done = "Say what caused it", "Keep", CauseForm, "The cause is kept."

    def initial(self) -> dict:
        return {"root_cause": self.object.root_cause}

    def perform(self, form: Any) -> str:
        actions.find_cause(incident=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()


class Assign(_OnIncident):
    """Give it to somebody."""

    title, submit, done = "Give it to somebody", "Give", "They have been told."

    def get_form(self, **kwargs: Any) -> AssignForm:
        return AssignForm(incident=self.object, **{key: kwargs[key] for key in kwargs if key != "files"})

    def perform(self, form: Any) -> str:
        actions.assign(incident=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()


class Resolve(_OnIncident):
    """End it with its cause and what was done."""

    title, submit, form_class, done = "Resolve", "Resolve", ResolveForm, "Resolved."

    def check(self) -> None:
        policies.check_resolve(self.request.user, self.object)

    def initial(self) -> dict:
        return {"root_cause": self.object.root_cause}

    def perform(self, form: Any) -> str:
        actions.resolve(incident=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()


class Dismiss(_OnIncident):
    """End what is none."""

    title, submit, form_class, done = "Dismiss", "Dismiss", ReasonForm, "Dismissed."

    def check(self) -> None:
        policies.check_dismiss(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.dismiss(incident=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()


class OpenIncident(ObjectFormPage):
    """Open an incident that no monitor saw."""

    model = Endpoint
    lookups = {"endpoint": "key"}
    title, submit, form_class, done = "Open an incident", "Open", IncidentForm, "The incident is open."

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "organization")

    def check(self) -> None:
        policies.check_open_incident(self.request.user, self.object)

    def cancel_url(self) -> str:
        return link("endpoint", self.organization, self.object.key)

    def perform(self, form: Any) -> str:
        incident = actions.open_incident(endpoint=self.object, by=self.request.user, **form.cleaned_data)
        return incident.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": of_endpoint(self.organization, self.object, Crumb(self.title))} | more))
