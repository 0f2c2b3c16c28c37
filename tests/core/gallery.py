"""Every component once, with values that a page could show: rendered by tests, looked at by whoever changes one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from django import forms
from django.core.paginator import Paginator

from apps.core import charts
from apps.core.pages import Action, Change, Crumb, Entry, Step, Tab

START = datetime(2013, 4, 1, tzinfo=UTC)


@dataclass
class Person:
    """Just enough of a user."""

    name: str
    email: str
    is_authenticated: bool = True

    def get_full_name(self) -> str:
        return self.name


NORA, OMAR = Person("Nora Lind", "nora@meridian.example"), Person("Omar Haddad", "omar@meridian.example")


class CharterForm(forms.Form):
    """One field of every kind."""

    fieldsets = [("What it is for", ["title", "problem"]), ("Who answers for it", ["owner", "roles", "notify"])]
    title = forms.CharField(help_text="How people will call it, such as “Late arrivals”.")
    problem = forms.CharField(widget=forms.Textarea, help_text="What goes wrong today, and for whom.")
    owner = forms.ChoiceField(choices=[("", "Choose a person"), ("nora", "Nora Lind")])
    roles = forms.MultipleChoiceField(
        choices=[("v", "Validator"), ("o", "Operator")], widget=forms.CheckboxSelectMultiple, required=False
    )
    notify = forms.BooleanField(label="Tell the sponsor by mail", required=False)
    kind = forms.ChoiceField(choices=[("c", "Classification"), ("r", "Regression")], widget=forms.RadioSelect)
    target = forms.DecimalField(label="Target", help_text="By when it matters less than by how much.")
    due = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), required=False)
    file = forms.FileField(required=False)


class MetricForm(forms.Form):
    """A row of a formset."""

    name = forms.CharField()
    baseline = forms.DecimalField()
    target = forms.DecimalField()


def drift_chart() -> charts.Chart:
    """A line with everything: two series, interval, gap, limits, events."""
    days = [START + timedelta(days=7 * week) for week in range(26)]
    values = [0.02 + 0.011 * week + (0.03 if week % 5 == 0 else 0) for week in range(26)]
    gapped = [None if 9 <= week <= 11 else value for week, value in enumerate(values)]
    return charts.line(
        "Temperature has drifted since June",
        [
            charts.Series(
                "temp",
                list(zip(days, gapped, strict=True)),
                low=[None if value is None else value * 0.8 for value in gapped],
                high=[None if value is None else value * 1.2 for value in gapped],
            ),
            charts.Series("dew point", [(day, value * 0.7) for day, value in zip(days, values, strict=True)]),
        ],
        thresholds=[charts.Threshold(0.1, "look at 0.1", "attention"), charts.Threshold(0.2, "alert at 0.2")],
        events=[
            charts.Event(days[4], "version 2 deployed"),
            charts.Event(days[13], "incident 1 opened", "wrong"),
            charts.Event(days[14], "retraining started", "attention"),
        ],
        unit="PSI",
        note="Weekly windows against January to March, with 95 % intervals.",
    )


def all_charts() -> dict[str, Any]:
    """One of each kind."""
    bins = [0.01, 0.05, 0.13, 0.22, 0.24, 0.18, 0.1, 0.05, 0.015, 0.005]
    return {
        "line": drift_chart(),
        "bars": charts.bars(
            "Which features moved most?",
            [
                ("temp", 0.31),
                ("dewpoint", 0.22),
                charts.Bar("dep_delay", 0.08, 0.05, 0.11),
                ("carrier", 0.012),
                ("origin", None),
            ],
            thresholds=[charts.Threshold(0.2, "alert at 0.2")],
        ),
        "histogram": charts.histogram(
            "Has temperature shifted?",
            [10.0 * edge for edge in range(11)],
            reference=bins,
            current=list(reversed(bins)),
        ),
        "heat": charts.heat(
            "Where is drift, by month?",
            columns=["Apr", "May", "Jun", "Jul", "Aug", "Sep"],
            rows=[("temp", [0.05, 0.12, 0.31, 0.44, 0.4, 0.22]), ("dewpoint", [0.03, 0.09, 0.22, 0.31, 0.3, None])],
            limits=(0.1, 0.2),
        ),
        "shades": charts.heat(
            "How many flights a month?",
            columns=["Apr", "May", "Jun"],
            rows=[("EWR", [9500, 10100, 10300]), ("JFK", [8900, 9300, 9600]), ("LGA", [9800, 9100, 8600])],
        ),
        "scatter": charts.scatter(
            "Is the score calibrated?",
            points=[(0.05, 0.06, 5000), (0.15, 0.17, 2600), (0.35, 0.41, 1200), (0.55, 0.66, 500), (0.8, 0.86, 150)],
            diagonal=True,
            x_label="predicted",
            y_label="observed",
        ),
        "spark": charts.sparkline([3, 4, 4, 6, None, 7, 9, 8], "Requests, last day"),
    }


def steps() -> list[Step]:
    """A life that has come to monitoring."""
    return [
        Step("planning", "done", "approved 4 Jan", "#"),
        Step("data", "done", "3 versions", "#"),
        Step("development", "done", "2 versions", "#"),
        Step("validation", "done", "1 finding closed", "#"),
        Step("deployment", "done", "production", "#"),
        Step("monitoring", "attention", "1 incident open", "#", ["Close incident 1, or start retraining."]),
        Step("retraining", "waiting"),
        Step("retirement", "waiting"),
    ]


def context() -> dict[str, Any]:
    """What the gallery template is given."""
    form = CharterForm({"title": "", "problem": "Gates are planned as if every flight were on time."})
    rows = [
        SimpleNamespace(
            name=f"late-arrivals {number}", state=state, rows=81201 * number, by=NORA, at=START, psi=0.031 * number
        )
        for number, state in enumerate(["draft", "candidate", "validated", "approved", "rejected", "archived"], start=1)
    ]
    job = SimpleNamespace(
        pk="1", state="running", done=41200, total=81201, message="Profiling column 7 of 19", seconds_left=75
    )
    return {
        "title": "Late arrivals",
        "crumbs": [Crumb("Models", "#"), Crumb("Late arrivals")],
        "form": form,
        "fresh": CharterForm(),
        "formset": forms.formset_factory(MetricForm, extra=2)(),
        "page": Paginator(rows * 5, 6).page(2),
        "charts": all_charts(),
        "steps": steps(),
        "job": job,
        "nora": NORA,
        "omar": OMAR,
        "at": START,
        "digest": "9f2c1b7a0d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c",
        "primary": Action("Request approval", "#", method="get", icon="approval"),
        "refused": Action("Deploy", "#", refused="Version 3 has an open blocking finding. Close it first."),
        "danger": Action("Retire", "#", danger=True, confirm="Retire Late arrivals? Its endpoint stops answering."),
        "tabs": [Tab("Overview", "#", current=True), Tab("Versions", "#", 3), Tab("Runs", "#", 12)],
        "entries": [
            Entry(START, OMAR, "approved version 3", "approval", "good", body="Evidence is complete.\n\nGo."),
            Entry(
                START,
                NORA,
                "changed the charter",
                "edit",
                changes=[Change("target", 0.7, 0.75), Change("owner", "Nora", "Omar")],
            ),
            Entry(START, None, "opened incident 1", "attention", "wrong", url="#"),
        ],
        "old": {"target": 0.7, "problem": "Gates are planned as if flights were on time.", "owner": None},
        "new": {"target": 0.75, "problem": "Gates are planned as if every flight were on time.", "owner": "Nora Lind"},
        "states": ["approved", "pending", "failed", "draft", "running", "queued", "changes_requested", "open"],
    }
