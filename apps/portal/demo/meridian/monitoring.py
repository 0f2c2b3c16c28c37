"""April to July replayed; drift found, an incident worked on."""

import datetime as dt
from typing import Any

from apps.monitoring import actions as monitoring
from apps.monitoring.models import Feedback, Incident, IncidentState, Monitor, OutcomeValues, SegmentColumn
from apps.portal.demo import data
from apps.portal.demo.meridian.deployment import Deployment
from apps.portal.demo.meridian.recipes import PREPARATION
from apps.portal.demo.replay import Replay
from apps.projects import actions as projects
from apps.retraining.models import RetrainingPolicy

SEASON = "Season: trained on winter only."


class Monitoring(Deployment):
    """April to July replayed; drift found, an incident worked on."""

    def monitoring(self) -> None:
        """April to July replayed by the flights' own dates; drift found by the scheduled checks; an incident worked on."""
        self.terminal.heading("6  Monitoring: April to July replayed by the flights' own dates, outcomes late")
        with self.step("Dario uploads April to July; the same recipe prepares them with what it learned"):
            raw = self.uploaded(
                self.flights, 2, "flights-2013-apr-jul.csv", lambda path: data.write_flights(path, range(4, 8)), "dario"
            )
            self.second = self.prepared(raw, self.training_data, PREPARATION, "dario", like=self.first)
        self.replay = Replay(self, self.endpoint)
        with (
            self.step("Otto sets up the monitors: drift, performance, service, silence, feedback, value"),
            self.inside(),
        ):
            if not Monitor.objects.filter(endpoint=self.endpoint).exists():
                given: dict[str, Any] = {
                    "endpoint": self.endpoint,
                    "every": dt.timedelta(minutes=1),
                    "by": self.company["otto"],
                }
                # Latency is today's; what the flights tell has the flights' own dates.
                monitoring.create_monitor(kind="service", window="hour", **given)
                monitoring.set_up_usual(clock="data", **given)
        with self.step("Otto tells rows apart by airport; Bianca says what a warning is worth"), self.inside():
            self.segments_and_worth()
        self.replay.play(self.second, "april-july")
        with self.step("Workers count the rows and check every week"):
            self.replay.settle()
        self.incidents()
        self.values()

    def segments_and_worth(self) -> None:
        """The airports compared with each other, and amounts for warnings that were right and wrong."""
        if not SegmentColumn.objects.filter(endpoint=self.endpoint).exists():
            monitoring.watch_column(
                endpoint=self.endpoint, column="origin", reason="Each airport has its weather.", by=self.company["otto"]
            )
        if not OutcomeValues.objects.filter(endpoint=self.endpoint).exists():
            monitoring.set_values(
                project=self.project,
                endpoint=self.endpoint,
                currency="USD",
                values={"true_positive": 180.0, "false_positive": -25.0},
                since=dt.date(2013, 4, 1),
                reason="Operations centre: a late arrival planned for saves rebookings; a warning for nothing costs a gate.",
                by=self.company["bianca"],
            )

    def incidents(self) -> None:
        """Otto looks into what the checks found."""
        otto = self.company["otto"]
        with self.inside():
            found = list(
                Incident.objects.filter(model=self.model).order_by("number").select_related("model", "endpoint")
            )
            if not Feedback.objects.filter(endpoint=self.endpoint).exists():
                for rating, comment in (
                    (4, "Helped on the stormy Friday."),
                    (2, "Too many warnings on sunny days in June."),
                ):
                    monitoring.give_feedback(endpoint=self.endpoint, rating=rating, comment=comment, by=otto)
        for incident in found:
            self.terminal.say(f"{incident}")
        with self.step("Otto investigates the incident, finds the cause and writes it down"), self.inside():
            # What opens after the policy that answers these is for those who watch the demo.
            is_answered = RetrainingPolicy.objects.filter(model=self.model).exists()
            fresh = Incident.objects.filter(
                model=self.model, state=IncidentState.OPEN, cause__in=["drift", "performance"]
            )
            for incident in () if is_answered else fresh:
                monitoring.investigate(incident=incident, by=otto)
                text = "Temperature and dew point left the range of January to March: the model has never seen summer."
                monitoring.write_entry(incident=incident, text=text, by=otto)
                monitoring.find_cause(incident=incident, root_cause=SEASON, by=otto)

    def values(self) -> None:
        """Bianca records what the business gained against what was promised."""
        bianca = self.company["bianca"]
        with self.inside():
            metric = self.project.metrics.get(name="Missed connections")
            if metric.readings.exists():
                return
            for month, value in ((4, 4.8), (5, 4.5), (6, 4.6), (7, 4.7)):
                at = dt.datetime(2013, month, 28, 12, tzinfo=dt.UTC)
                projects.record_value(metric=metric, value=value, at=at, source="Connection statistics", by=bianca)
