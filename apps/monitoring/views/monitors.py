"""Monitors: their pages, their checks, and everything that can be set."""

import datetime as dt
from typing import Any

from django.urls import reverse
from django.utils import timezone

from apps.core.errors import Refused
from apps.core.pages import Action, Crumb, refusal
from apps.deployments.models import Endpoint
from apps.discussions import timeline
from apps.models.models import ModelVersion
from apps.monitoring import actions, drawing, periods, policies, results, rowwise, sending, stories, texts, words
from apps.monitoring.forms import FeedbackForm, MonitorForm, PeriodForm, ReasonForm, SnoozeForm
from apps.monitoring.models import (
    KINDS_WITH_BASELINE,
    Alert,
    BaselineRequest,
    Check,
    Level,
    Monitor,
    MonitorKind,
    Mute,
    SegmentResult,
)
from apps.monitoring.periods import Period
from apps.monitoring.views.shared import choices, link, newest_window, of_endpoint
from apps.monitoring.windows import Window
from apps.monitoring.words import LIMITS, SIGNALS
from apps.organizations.bases import ActionPage, ObjectFormPage, ObjectPage
from apps.work import jobs

BEHIND = ("definitions", "limits", "engine")


class MonitorPage(ObjectPage):
    """One monitor: its windows, its alerts, its settings."""

    template_name = "monitoring/monitor.html"
    model = Monitor

    def get_queryset(self) -> Any:
        return Monitor.objects.select_related("organization", "endpoint__model__project", "owner")

    def context(self, **more: Any) -> dict[str, Any]:
        monitor, user = self.object, self.request.user
        period = periods.of_endpoint(monitor.endpoint, self.request.GET, [monitor])
        checks = drawing.checks_of(monitor, period)[::-1]
        return super().context(
            title=monitor.name,
            **choices(self.request, period),
            crumbs=of_endpoint(self.organization, monitor.endpoint, Crumb(monitor.name), period=period),
            owner=monitor.owner,
            primary=self._post("Run now", "run", refusal(policies.check_run, user, monitor)),
            actions=self._actions(),
            checks=checks,
            newest_window=None if checks else newest_window(monitor, self.request),
            alerts=Alert.objects.filter(monitor=monitor).select_related("incident__organization", "check_run")[:20],
            chart=self._chart(period),
            limits=self._limits(),
            job=jobs.newest(monitor),
            mutes=self._mutes(),
            timeline=timeline.of(monitor),
            **more,
        )

    def _mutes(self) -> list[dict[str, Any]]:
        """What it does not tell of now, each with the button that ends it."""
        refused = refusal(policies.check_mute, self.request.user, self.object)
        held = Mute.objects.filter(monitor=self.object, ended_at=None, until__gt=timezone.now())
        return [
            {
                "mute": one,
                "signal": SIGNALS.get(one.signal, ""),
                "end": Action("End", link("unmute", self.organization, one.pk), refused=refused),
            }
            for one in held.select_related("muted_by")
        ]

    def _chart(self, period: Period) -> Any:
        monitor = self.object
        if monitor.kind == MonitorKind.DRIFT:
            checks = drawing.checks_of(monitor, period)
            rows = results.indexes(check.pk for check in checks)
            events = drawing.events_of(monitor.endpoint, period)
            return drawing.drift_over_time(monitor, checks, rows, period, events)
        if monitor.kind == MonitorKind.PERFORMANCE:
            events = drawing.events_of(monitor.endpoint, period)
            return drawing.performance_over_time(drawing.measured(monitor, period), period, events)
        return None

    def _limits(self) -> list[tuple[str, Any]]:
        from apps.monitoring.engine.policy import Limits

        every = Limits.read(self.object.limits).as_json()
        return [(label, every[name]) for name, label in LIMITS[self.object.kind].items()]

    def _post(self, label: str, name: str, refused: str) -> Action:
        return Action(label, link(f"{name}-monitor", self.organization, self.object.pk), refused=refused)

    def _actions(self) -> list[Action]:
        monitor = self.object
        refused = refusal(policies.check_monitor, self.request.user, monitor)
        pages = [("Change", "change")]
        pages += [] if monitor.is_snoozed else [("Hold back alerts", "snooze")]
        pages += [("Pause", "pause")] if monitor.is_active else []
        mutes = monitor.kind == MonitorKind.DRIFT
        found = [
            Action(label, link(f"{name}-monitor", self.organization, monitor.pk), method="get", refused=refused)
            for label, name in pages
        ]
        if mutes:
            url = link("mute", self.organization, monitor.pk)
            found.append(Action("Mute a feature or signal", url, method="get", refused=refused))
        if monitor.is_snoozed:
            found.append(self._post("Let it alert again", "wake", refused))
        return found if monitor.is_active else [*found, self._post("Resume", "resume", refused)]


class CheckPage(ObjectPage):
    """One window of a monitor, with everything it takes to compute it again."""

    template_name = "monitoring/check.html"
    model = Check

    def get_queryset(self) -> Any:
        return Check.objects.select_related("organization", "monitor__endpoint__model__project", "baseline__version")

    def context(self, **more: Any) -> dict[str, Any]:
        check = self.object
        monitor = check.monitor
        window = Window(check.start_at, check.end_at)
        others = Check.objects.filter(
            monitor=monitor, baseline_id=check.baseline_id, start_at=check.start_at, end_at=check.end_at
        )
        return super().context(
            title=f"{monitor.name}, {window}",
            crumbs=of_endpoint(
                self.organization,
                monitor.endpoint,
                Crumb(monitor.name, monitor.get_absolute_url()),
                Crumb(str(window)),
            ),
            monitor=monitor,
            features=results.of_check(check),
            segments=SegmentResult.objects.filter(check_run=check) if monitor.kind == MonitorKind.SEGMENTS else [],
            contents=texts.rows_of(check),
            segments_url=link("segments", self.organization, monitor.endpoint.key),
            signals=[(word, Level(check.signals[name])) for name, word in SIGNALS.items() if name in check.signals],
            definitions=self._definitions(),
            measures=self._measures(),
            readings=self._readings(),
            alerts=Alert.objects.filter(check_run=check).select_related("incident__organization"),
            revisions=others.select_related("organization", "monitor").defer("result"),
            primary=accepting(self.organization, self.request.user, check),
            actions=exactly(self.organization, self.request.user, check),
            exact=self._exact(),
            acceptances=BaselineRequest.objects.filter(check_run=check).select_related("request__organization"),
            compared=[Window(*map(dt.datetime.fromisoformat, pair)) for pair in _compared(check)],
            **more,
        )

    def _readings(self) -> list[tuple[str, str]]:
        """What was read of a kind that has no table of its own."""
        if self.object.monitor.kind in KINDS_WITH_BASELINE:
            return []
        result = self.object.result
        return stories.seen({name: result[name] for name in result if name not in BEHIND})

    def _exact(self) -> dict[str, Any] | None:
        """The newest report from the rows, its numeric features beside what the bins said."""
        found = rowwise.newest(self.object)
        if found is None:
            return None
        told = {one.feature: one for one in results.of_check(self.object)}
        rows = [
            {"name": told[one["feature"]].name, "exact": one, "bins": told[one["feature"]].result}
            | {"level": Level(one["level"])}
            for one in found["features"]
            if one["kind"] == "numeric"
        ]
        return {"level": Level(found["level"]), "done_at": found["done_at"], "rows": rows}

    def _measures(self) -> list[dict[str, Any]]:
        result = self.object.result
        there = result.get("realised") or result.get("estimated") or {}
        kinds = ("realised", "estimated", "reference")
        return [
            {"name": word, **{kind: result.get(kind, {}).get(name) for kind in kinds}}
            for name, word in words.measures(there)
        ]

    def _definitions(self) -> list[tuple[str, str]]:
        """What the numbers of this check mean; of measures only those that it has."""
        result = self.object.result
        there = {**result.get("realised", {}), **result.get("estimated", {}), "estimate": True}
        given = result.get("definitions", {})
        return [(name, said) for name, said in sorted(given.items()) if name in there or "realised" not in result]


def accepting(organization: Any, user: Any, check: Check) -> Action | None:
    """The button that takes what a check looked at as the new normal; none where there is nothing to take."""
    if check.monitor.kind != MonitorKind.DRIFT or check.baseline_id is None:
        return None
    refused = refusal(policies.check_accept, user, check)
    return Action(
        "Accept as new baseline", link("accept-window", organization, check.pk), method="get", refused=refused
    )


def exactly(organization: Any, user: Any, check: Check) -> list[Action]:
    """The button that has a check of drift computed from the rows."""
    if check.monitor.kind != MonitorKind.DRIFT or check.baseline_id is None:
        return []
    refused = refusal(policies.check_exact, user, check)
    return [Action("Compute from the rows", link("exact-check", organization, check.pk), method="get", refused=refused)]


def _compared(check: Check) -> list[list[str]]:
    said = check.result.get("compared") or check.result.get("reference") or {}
    return said.get("windows", [])


class _OfEndpoint(ObjectFormPage):
    """A form about a watched endpoint."""

    model = Endpoint
    lookups = {"endpoint": "key"}

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "organization", "environment")

    def check(self) -> None:
        policies.check_monitor(self.request.user, self.object)

    def cancel_url(self) -> str:
        return link("endpoint", self.organization, self.object.key)

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": of_endpoint(self.organization, self.object, Crumb(self.title))} | more))


class CreateMonitor(_OfEndpoint):
    """Watch something more."""

    template_name = "monitoring/monitor_form.html"
    title, submit, done = "New monitor", "Watch", "The monitor runs from now on."

    def get_form(self, **kwargs: Any) -> MonitorForm:
        return MonitorForm(endpoint=self.object, **{key: kwargs[key] for key in kwargs if key != "files"})

    def initial(self) -> dict:
        return {"owner": self.request.user, "kind": self.request.GET.get("kind", MonitorKind.DRIFT)}

    def perform(self, form: Any) -> str:
        monitor = actions.create_monitor(endpoint=self.object, by=self.request.user, **form.settings())
        return monitor.get_absolute_url()


class ChangeMonitor(ObjectFormPage):
    """Change a monitor's settings."""

    template_name = "monitoring/monitor_form.html"
    model = Monitor
    title, submit, done = "Change the monitor", "Save", "The monitor was changed."

    def get_queryset(self) -> Any:
        return Monitor.objects.select_related("organization", "endpoint__model__project", "owner")

    def check(self) -> None:
        policies.check_monitor(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> MonitorForm:
        form = MonitorForm(endpoint=self.object.endpoint, **{key: kwargs[key] for key in kwargs if key != "files"})
        form.fields["kind"].required = False
        form.fields["kind"].disabled = True
        return form

    def initial(self) -> dict:
        monitor = self.object
        names = (
            "kind",
            "escalate_after",
            "escalate_to",
            "name",
            "owner",
            "reference",
            "reference_since",
            "reference_until",
            "trailing",
            "window",
            "clock",
        )
        every = f"{monitor.every / dt.timedelta(hours=1):.12g}"
        given = {name: getattr(monitor, name) for name in names}
        return {**given, "expected_share": monitor.expected_share, "every": every, **monitor.limits}

    def perform(self, form: Any) -> str:
        settings = form.settings(self.object.limits)
        settings.pop("kind")
        return actions.change_monitor(monitor=self.object, settings=settings, by=self.request.user).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        monitor = Crumb(self.object.name, self.object.get_absolute_url())
        trail = of_endpoint(self.organization, self.object.endpoint, monitor, Crumb(self.title))
        return super().context(**({"crumbs": trail} | more))


class _MonitorReason(ObjectFormPage):
    """A change of a monitor that asks for more than a click."""

    model = Monitor

    def get_queryset(self) -> Any:
        return Monitor.objects.select_related("organization", "endpoint__model__project")

    def check(self) -> None:
        policies.check_monitor(self.request.user, self.object)

    def context(self, **more: Any) -> dict[str, Any]:
        monitor = Crumb(self.object.name, self.object.get_absolute_url())
        trail = of_endpoint(self.organization, self.object.endpoint, monitor, Crumb(self.title))
        return super().context(**({"crumbs": trail} | more))


class PauseMonitor(_MonitorReason):
    """Stop running it."""

    title, submit, form_class, done = "Pause the monitor", "Pause", ReasonForm, "The monitor is paused."

    def perform(self, form: Any) -> str:
        actions.pause_monitor(monitor=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()


class SnoozeMonitor(_MonitorReason):
    """Hold back its alerts."""

    title, submit, form_class, done = "Hold back alerts", "Hold back", SnoozeForm, "Its alerts are held back."

    def perform(self, form: Any) -> str:
        actions.snooze_monitor(monitor=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()


class _MonitorAction(ActionPage):
    """One click on a monitor."""

    model = Monitor

    def get_queryset(self) -> Any:
        return Monitor.objects.select_related("organization", "endpoint__model__project")


class RunMonitor(_MonitorAction):
    """Check now what is due."""

    done = "The check has begun."

    def perform(self) -> None:
        actions.run_now(monitor=self.object, by=self.request.user)


class ResumeMonitor(_MonitorAction):
    """Run it again."""

    done = "The monitor runs again."

    def perform(self) -> None:
        actions.resume_monitor(monitor=self.object, by=self.request.user)


class WakeMonitor(_MonitorAction):
    """Let it alert again."""

    done = "Its alerts are no longer held back."

    def perform(self) -> None:
        actions.wake_monitor(monitor=self.object, by=self.request.user)


class SetUpUsual(ActionPage):
    """The monitors that every endpoint should have."""

    model = Endpoint
    lookups = {"endpoint": "key"}
    done = "The usual monitors are set up."

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "organization")

    def perform(self) -> str:
        actions.set_up_usual(endpoint=self.object, by=self.request.user)
        return link("endpoint", self.organization, self.object.key)


class MakeBaseline(ActionPage):
    """Make a version's baseline from what it was trained on."""

    model = ModelVersion
    done = "The baseline is being made."

    def get_queryset(self) -> Any:
        return ModelVersion.objects.select_related("model__project", "organization")

    def perform(self) -> None:
        actions.start_baseline(version=self.object, by=self.request.user)


class MakeBaselineOfPeriod(_OfEndpoint):
    """Take a period of predictions as how things should look."""

    title, submit, form_class = "Baseline from a period", "Make the baseline", PeriodForm
    done = "The baseline is being made; earlier predictions will be counted with it."
    lead = "What came in this period becomes how things should look from now on."
    of_embeddings = " The columns of embeddings get their reference only so: datasets hold none."

    def context(self, **more: Any) -> dict[str, Any]:
        version = sending.watched_version(self.object)
        beside = version.signature.get("beside", []) if version else []
        has_embeddings = any(column["type"] == "embedding" for column in beside)
        return super().context(**({"lead": self.lead + self.of_embeddings * has_embeddings} | more))

    def perform(self, form: Any) -> str:
        version = sending.watched_version(self.object)
        if version is None:
            raise Refused("Nothing is deployed here and nothing was sent, so there is nothing to make a baseline of.")
        wanted = actions.start_baseline_of_period(
            endpoint=self.object, version=version, by=self.request.user, **form.cleaned_data
        )
        if wanted.request is not None:
            self.done = "A signature was asked for. Until it is there, nothing changes."
            return wanted.request.get_absolute_url()
        return self.cancel_url()


class GiveFeedback(_OfEndpoint):
    """Say what the predictions are worth."""

    title, submit, form_class, done = "Give feedback", "Send", FeedbackForm, "Thank you. It is kept with the model."

    def check(self) -> None:
        policies.check_give_feedback(self.request.user, self.object)

    def initial(self) -> dict:
        return {"prediction_id": self.request.GET.get("prediction", "")}

    def perform(self, form: Any) -> str:
        actions.give_feedback(endpoint=self.object, by=self.request.user, **form.cleaned_data)
        return reverse("monitoring:endpoint", args=[self.organization.key, self.object.key])
