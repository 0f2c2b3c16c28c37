"""A challenger learns the summer and takes office."""

from typing import Any

from apps.monitoring import actions as monitoring
from apps.monitoring.models import Incident, IncidentState
from apps.portal.demo import data
from apps.portal.demo.meridian.monitoring import SEASON, Monitoring
from apps.portal.demo.meridian.recipes import PREPARATION, RECIPE, SPLIT, USE
from apps.retraining import actions as retraining
from apps.retraining.models import RetrainingPolicy


class Retraining(Monitoring):
    """A challenger learns the summer and takes office."""

    def retraining(self) -> None:
        """A policy, a challenger on April to July, validated, approved, promoted; August to December replayed on it."""
        self.terminal.heading("7  Retraining: a challenger learns the summer and takes office")
        with self.step("Carlo (compliance) signs off April to July; it is split like the first"):
            self.divided(self.second, SPLIT, "dario")
            self.second = self.signed_off(self.second, USE, "dario", "carlo")
        with self.step(
            "Dario's policy answers the finding: a worker trains the challenger and compares it with the champion"
        ):
            run = self._retrained()
            self.wait_for(run.training_run)
            self.wait_for(run)
        with self.inside():
            self.terminal.say(run.policy.runs.first().outcome)
        challenger = self.validated(2)
        self.approved(challenger)
        self.deployed(2, "The challenger learned the summer")
        with self.step("Otto resolves the incident"), self.inside():
            for incident in Incident.objects.filter(
                model=self.model, state=IncidentState.INVESTIGATING, root_cause=SEASON
            ):
                monitoring.resolve(
                    incident=incident,
                    resolution="Version 2, trained on April to July, is in production.",
                    by=self.company["otto"],
                )
        with self.step("Dario uploads August to December"):
            raw = self.uploaded(
                self.flights,
                3,
                "flights-2013-aug-dec.csv",
                lambda path: data.write_flights(path, range(8, 13)),
                "dario",
            )
            third = self.prepared(raw, self.training_data, PREPARATION, "dario", like=self.first)
        self.replay.play(third, "august-december")
        with self.step("Workers count the rows and check every week"):
            self.replay.settle()

    def _retrained(self) -> Any:
        dario = self.company["dario"]
        with self.inside():
            policy = RetrainingPolicy.objects.filter(model=self.model).first() or retraining.write_policy(
                model=self.model,
                dataset=self.training_data,
                recipe=RECIPE,
                owner=dario,
                on_drift=True,
                on_performance=True,
                every_days=90,
                cool_down_days=30,
                by=dario,
            )
            run = policy.runs.exclude(state="skipped").select_related("training_run", "policy").first()
            cause = Incident.objects.filter(model=self.model).order_by("number").first()
            reason = f"Answer to {cause}" if cause else "The season has changed."
            return run or retraining.start(policy=policy, reason=reason, by=dario)
