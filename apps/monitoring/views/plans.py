"""What must be watched, what is not to be told, what is the new normal, and who reads of it every morning."""

from typing import Any

from django.contrib import messages

from apps.core.errors import NotVisible
from apps.core.pages import Action, Crumb, refusal
from apps.core.web import back, see_other
from apps.deployments.models import Endpoint
from apps.monitoring import actions, plans, policies, results
from apps.monitoring.actions.mutes import SIGNALS
from apps.monitoring.forms import MuteForm, ReasonForm, WatchPlanForm
from apps.monitoring.models import Check, Monitor, MonitorKind, Mute, WatchPlan
from apps.monitoring.views.shared import crumbs, link, of_endpoint
from apps.monitoring.windows import Window
from apps.monitoring.words import SIGNALS as WORDS
from apps.organizations.bases import ActionPage, FormPage, ListPage, ObjectFormPage, TenantPage
from apps.projects.models import Tier


class WatchPlans(TenantPage):
    """What must be watched at each tier, and who said so."""

    template_name = "monitoring/watch_plans.html"
    title = "What must be watched"

    def get(self, request: Any, **kwargs: Any) -> Any:
        return self.render()

    def context(self, **more: Any) -> dict[str, Any]:
        refused = refusal(policies.check_write_watch_plan, self.request.user)
        rows = [self._row(tier, plan, refused) for tier, plan in plans.current().items()]
        return super().context(
            lead="Endpoints in production that lack one of these are listed, and shown on the home page.",
            crumbs=crumbs(self.organization, Crumb(self.title)),
            primary=Action("What lacks a monitor", link("unwatched", self.organization), method="get"),
            rows=rows,
            former=WatchPlan.objects.filter(is_current=False).select_related("written_by")[:30],
            **more,
        )

    def _row(self, tier: str, plan: Any, refused: str) -> dict[str, Any]:
        url = link("write-watch-plan", self.organization, tier)
        return {
            "tier": tier,
            "label": Tier(tier).label,
            "plan": plan,
            "kinds": [str(MonitorKind(kind).label) for kind in plan.kinds],
            "is_default": isinstance(plan, plans.Default),
            "change": Action("Change", url, method="get", refused=refused),
        }


class WriteWatchPlan(FormPage):
    """Say what must be watched at a tier."""

    submit, form_class, done = "Put it in force", WatchPlanForm, "It is in force from now on."

    def check(self) -> None:
        if self.kwargs["tier"] not in plans.DEFAULTS:
            raise NotVisible()
        policies.check_write_watch_plan(self.request.user)

    def initial(self) -> dict:
        plan = plans.current()[self.kwargs["tier"]]
        return {
            "kinds": plan.kinds, "baseline_needs_approval": plan.baseline_needs_approval, "keep_days": plan.keep_days,
        }  # fmt: skip

    def cancel_url(self) -> str:
        return link("watch-plans", self.organization)

    def perform(self, form: Any) -> str:
        actions.write_watch_plan(tier=self.kwargs["tier"], by=self.request.user, **form.cleaned_data)
        return self.cancel_url()

    def context(self, **more: Any) -> dict[str, Any]:
        title = f"What must be watched: {Tier(self.kwargs['tier']).label.lower()}"
        trail = crumbs(self.organization, Crumb("What must be watched", self.cancel_url()), Crumb(title))
        return super().context(**({"title": title, "crumbs": trail} | more))


class UnwatchedList(ListPage):
    """Endpoints in production that lack a monitor their tier needs."""

    template_name = "monitoring/unwatched.html"
    title = "What lacks a monitor"
    model = Endpoint
    orderings = {"endpoint": "key", "model": "model__name"}
    default_ordering = "key"
    columns = {"Endpoint": "key", "Model": "model__name", "Tier": "model__project__tier"}

    def get_queryset(self) -> Any:
        return plans.lacking().select_related("model__project", "organization", "environment")

    def context(self, **more: Any) -> dict[str, Any]:
        page = more.get("page")
        endpoints = list(page) if page is not None else []
        missing = plans.missing(endpoints)
        return super().context(
            crumbs=crumbs(self.organization, Crumb(self.title)),
            actions=[Action("What must be watched", link("watch-plans", self.organization), method="get")],
            rows=[self._row(endpoint, missing[endpoint.pk]) for endpoint in endpoints],
            **more,
        )

    def _row(self, endpoint: Endpoint, kinds: list[str]) -> dict[str, Any]:
        refused = refusal(policies.check_monitor, self.request.user, endpoint)
        url = link("set-up-required", self.organization, endpoint.key)
        return {
            "endpoint": endpoint,
            "kinds": [str(MonitorKind(kind).label) for kind in kinds],
            "set_up": Action("Set up", url, refused=refused),
        }


class SetUpRequired(ActionPage):
    """Set up what the tier needs of this endpoint."""

    model = Endpoint
    lookups = {"endpoint": "key"}
    done = "What must be watched is watched now."

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "organization")

    def perform(self) -> str:
        actions.set_up_required(endpoint=self.object, by=self.request.user)
        return link("endpoint", self.organization, self.object.key)


class MuteSomething(ObjectFormPage):
    """Have a feature or a signal of a monitor not told for a while."""

    model = Monitor
    title, submit, done = "Mute a feature or a signal", "Mute", "It is muted. It goes on being computed and shown."

    def get_queryset(self) -> Any:
        return Monitor.objects.select_related("organization", "endpoint__model__project")

    def check(self) -> None:
        policies.check_mute(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> MuteForm:
        features = [(name, results.name_of(name)) for name in results.features_of(self.object)]
        given = {key: kwargs[key] for key in kwargs if key != "files"}
        return MuteForm(features=features, signals={name: WORDS[name] for name in SIGNALS}, **given)

    def initial(self) -> dict:
        return {"feature": self.request.GET.get("feature", ""), "signal": self.request.GET.get("signal", "")}

    def perform(self, form: Any) -> str:
        actions.mute(monitor=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        monitor = Crumb(self.object.name, self.object.get_absolute_url())
        trail = of_endpoint(self.organization, self.object.endpoint, monitor, Crumb(self.title))
        return super().context(**({"crumbs": trail} | more))


class Unmute(ActionPage):
    """Let it be told again."""

    model = Mute
    done = "It is told again."

    def get_queryset(self) -> Any:
        return Mute.objects.select_related("monitor__organization", "monitor__endpoint__model__project")

    def perform(self) -> None:
        actions.unmute(mute=self.object, by=self.request.user)


class AcceptWindow(ObjectFormPage):
    """Take what a check looked at as the new normal."""

    model = Check
    title, submit, form_class = "Accept as new baseline", "Accept it", ReasonForm

    def get_queryset(self) -> Any:
        return Check.objects.select_related(
            "organization", "monitor__endpoint__model__project", "monitor__endpoint__organization",
            "baseline__version__artifact", "baseline__version__run__started_by", "baseline__version__registered_by",
        )  # fmt: skip

    def check(self) -> None:
        policies.check_accept(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        wanted = actions.accept_window(check=self.object, by=self.request.user, **form.cleaned_data)
        if wanted.request is not None:
            self.done = "A signature was asked for. Until it is there, nothing changes."
            return wanted.request.get_absolute_url()
        self.done = "From now on this is what later windows are compared with."
        return self.object.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        check = self.object
        whole = actions.looked_at(check)
        must = plans.baseline_needs_approval(plans.tier_of(check.monitor.endpoint))
        lead = (
            f"What was predicted {Window(whole.start, whole.end).when} becomes what later windows are compared with. "
            + ("At this tier it takes effect when it is signed." if must else "It takes effect at once.")
        )
        monitor = Crumb(check.monitor.name, check.monitor.get_absolute_url())
        trail = of_endpoint(self.organization, check.monitor.endpoint, monitor, Crumb(self.title))
        return super().context(**({"crumbs": trail, "lead": lead} | more))


class ChooseDigest(TenantPage):
    """Get the daily digest, or not: `on` and `off`."""

    http_method_names = ["post"]

    def post(self, request: Any, **kwargs: Any) -> Any:
        if self.kwargs["choice"] not in {"on", "off"}:
            raise NotVisible()
        is_wanted = self.kwargs["choice"] == "on"
        actions.choose_digest(is_wanted=is_wanted, by=request.user)
        said = (
            "You get a mail every morning on which there is something to tell." if is_wanted else "You get no digest."
        )
        messages.success(request, said)
        return see_other(back(request, link("incidents", self.organization)))
