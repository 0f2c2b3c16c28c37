"""A plan locked before results, run by a worker, concluded by the validator; two signatures."""

import datetime as dt

from django.utils import timezone

from apps.models import actions as models
from apps.models.models import ModelVersion
from apps.portal.demo.meridian.development import Development
from apps.validation import actions as validation
from apps.validation.models import Plan


class Validation(Development):
    """A plan locked before results, run by a worker, concluded by the validator; two signatures."""

    def validated(self, number: int) -> ModelVersion:
        """A plan locked before results, run by a worker in its own child, concluded by the validator."""
        self.terminal.heading(f"4  Validation of version {number}: a plan locked before any result is seen")
        vera = self.company["vera"]
        with self.inside():
            version = self.at(number)
            plan = Plan.objects.filter(version=version).order_by("-number").first()
            run = None if plan is None else plan.runs.exclude(state__in=["broken", "cancelled"]).order_by("-id").first()
        if version.state == "candidate":
            with self.step("Vera writes the plan, locks it, and a worker runs the checks in an isolated child"):
                if run is None:
                    with self.inside():
                        plan = plan or validation.write_plan(
                            version=version, attributes=["origin"], time_column="time_hour", seed=2013, by=vera
                        )
                        plan = validation.lock_plan(plan=plan, by=vera) if plan.state == "draft" else plan
                        run = validation.start_run(plan=plan, by=vera)
                self.wait_for(run)
            with self.step("Vera reads the report, deals with the findings and concludes"), self.inside():
                self._conclude(number)
        with self.inside():
            return self.at(number)

    def _conclude(self, number: int) -> None:
        version = self.at(number)
        run = (
            Plan.objects.filter(version=version)
            .order_by("-number")
            .first()
            .runs.select_related("plan__version__model__project")
            .order_by("-id")
            .first()
        )
        counts: dict[str, int] = {}
        for verdict in run.results.values_list("verdict", flat=True):
            counts[verdict] = counts.get(verdict, 0) + 1
        said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        self.terminal.say(f"Verdicts: {said}")
        validation.conclude(
            run=run,
            outcome="conditions",
            statement=f"Better than a simple model and stable across airports ({said}). Fit to order the duty managers' attention.",
            terms=[
                {"kind": "until", "limits": {"date": (timezone.localdate() + dt.timedelta(days=365)).isoformat()}},
                {"kind": "confirm", "text": "The duty manager decides."},
            ],
            conditions="Weekly drift and performance checks; retrain before the season changes.",
            by=self.company["vera"],
        )

    def approved(self, version: ModelVersion) -> None:
        """Risk and business sign for the version; both confirm who they are."""
        if version.state == "validated":
            with self.step(
                f"Dario asks for approval of version {version.number}; Rhea (risk) and Benedikt (business) sign"
            ):
                with self.inside():
                    request = (
                        version.approval
                        if version.is_waiting
                        else models.request_approval(version=version, by=self.company["dario"])
                    )
                self.sign(request, "rhea", "benedikt", comment="The evidence is complete.")
