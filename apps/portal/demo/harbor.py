"""Harbor Bank: a model on census data whose fairness check finds a gap, reweighed rows that close half of it, a retest,
and a signature awaited."""

import datetime as dt
import shutil
from typing import Any

from apps.core.formats import number
from apps.datasets import actions as datasets
from apps.datasets.models import Dataset
from apps.models import actions as models
from apps.models.models import ModelVersion, RegisteredModel
from apps.portal.demo import data
from apps.portal.demo.walk import Walk, mildest
from apps.projects import actions as projects
from apps.projects.models import Project
from apps.validation import actions as validation
from apps.validation.models import Finding, FindingState, Plan, ValidationRun

READING = {"column_names": data.ADULT_COLUMNS, "trim": True, "null_values": ["?", ""]}
PREPARATION: list[dict[str, Any]] = [
    {"step": "drop_duplicates"},
    {
        "step": "derive",
        "name": "high_income",
        "operation": "equals",
        "columns": ["income"],
        "value": ">50K",
        "role": "target",
    },
    {
        "step": "fill_missing",
        "columns": ["workclass", "occupation", "native_country"],
        "method": "constant",
        "value": "unknown",
    },
    {"step": "drop_columns", "columns": ["income", "fnlwgt", "education_num"]},
]
SPLIT = {
    "method": "random",
    "seed": 1994,
    "target": "high_income",
    "stratify": "high_income",
    "parts": [{"name": "train", "share": 0.7}, {"name": "test", "share": 0.3}],
}
NUMBERS = ("age", "capital_gain", "capital_loss", "hours_per_week")
WORDS = ("workclass", "education", "marital_status", "occupation", "relationship")
RECIPE = {
    "task": "classification",
    "target": "high_income",
    "features": [{"name": name, "kind": "integer"} for name in NUMBERS]
    + [{"name": name, "kind": "category"} for name in WORDS],
    "candidates": [
        {"name": "logistic regression", "estimator": "logistic", "parameters": {}},
        {"name": "gradient boosting", "estimator": "lightgbm", "parameters": {"n_estimators": 120, "num_leaves": 31}},
    ],
    "cv": {"folds": 3},
    "metric": "roc_auc",
    "threshold": 0.5,
    "seed": 1994,
    "protected": ["sex", "race"],
}
CARD = {
    "intended_use": "Proposes which applicants may use the short credit application, because their income is likely above the bracket.",
    "out_of_scope": "It grants and refuses no credit. No use for employment or insurance.",
    "limitations": "Census data of 1994; incomes and occupations have changed. Few people outside the United States.",
    "ethics": "Sex and race are kept out of the features, but marital status and occupation tell of them. The gap is measured in "
    "every validation.",
    "oversight": "A clerk sees the proposal with its reasons and may offer the short application to anybody.",
}
GAP = "fair.impact_ratio:sex"
REMEDY = "Learn from training rows weighted so that sex and income are independent (reweighing), at the same features."
USE = "Training and testing models that propose the short application"


class Harbor(Walk):
    """As far as the open request that waits for whoever tries the demo."""

    def walk(self) -> None:
        """From the charter to the request that waits."""
        self.terminal.heading("Harbor Bank: a model with a fairness finding")
        self.project = self.chartered()
        self.trained()
        self.examined()
        finding = self.found()
        if finding is not None:
            self.mitigated(finding)
            self.waiting(finding)

    def chartered(self) -> Project:
        """A high-risk use with its charter approved."""
        with self.step("Brenda writes the charter of “Short application”; it is high risk; Ruth and Chen sign"):
            with self.inside():
                project = Project.objects.filter(key="short-application").first() or self._opened()
                project = self._project()
                waiting = project.approval if project.is_waiting else None
                if not project.is_approved and waiting is None:
                    waiting = projects.request_approval(project=project, by=self.company["brenda"])
            if waiting is not None:
                self.sign(waiting, "ruth", "chen")
        with self.inside():
            return self._project()

    @staticmethod
    def _project() -> Project:
        return Project.objects.select_related("approval", "organization").get(key="short-application")

    def _opened(self) -> Project:
        brenda = self.company["brenda"]
        project = projects.open_project(
            key="short-application",
            title="Short application",
            problem="Two applicants in three give up the long credit application. Many of them would have been granted it.",
            outcomes="Half of the applicants finish; nobody is worse off for who they are.",
            intended_users="Clerks of the credit desk",
            affected_persons="Applicants for credit",
            automation="confirmed",
            owner=brenda,
            sponsor=self.company["mallory"],
            by=brenda,
        )
        self.company.staff(project)
        due = dt.date(2027, 6, 30)
        projects.add_metric(
            project=project, name="Finished applications", baseline=34.0, target=50.0, unit="%", due_on=due, by=brenda
        )
        projects.add_requirement(
            project=project,
            kind="public",
            description="Census records with income bracket",
            personal_data="special",
            by=brenda,
        )
        projects.add_risk(
            project=project,
            title="Women are offered the short application less often at equal income",
            likelihood=4,
            impact=4,
            measures="Impact ratio in every validation; no deployment with an open fairness finding",
            residual_likelihood=2,
            residual_impact=3,
            owner=brenda,
            by=brenda,
        )
        projects.assess(project=project, answers=mildest({"areas": ["services"], "automation": "confirmed"}), by=brenda)
        return project

    def trained(self) -> None:
        """Census data prepared and signed off, two candidates trained, the best a candidate for validation."""
        dina = self.company["dina"]
        with self.inside():
            raw, prepared = (
                Dataset.objects.select_related("project", "organization").filter(key=key).first()
                or datasets.create_dataset(project=self.project, key=key, name=name, by=dina)
                for key, name in (
                    ("census-income", "Census income"),
                    ("short-application-training", "Short application, prepared"),
                )
            )
        with self.step("Dina uploads the census data, a worker prepares and splits them, Chen signs them off"):
            write = lambda path: shutil.copyfile(data.adult_file("adult.data"), path)  # noqa: E731
            version = self.uploaded(raw, 1, "adult.csv", write, "dina", options=READING)
            ready = self.prepared(version, prepared, PREPARATION, "dina")
            split = self.divided(ready, SPLIT, "dina")
            ready = self.signed_off(ready, USE, "dina", "chen")
        with self.inside():
            self.data, self.split = ready, split
            self.model = RegisteredModel.objects.select_related("project", "organization").filter(
                key="short-application"
            ).first() or models.register_model(
                project=self.project,
                key="short-application",
                name="Short application",
                kind="classification",
                target="high_income",
                by=dina,
            )
        with self.step("A worker trains two candidates; Dina registers the best with its card"):
            self.registered(1, RECIPE, "First training", CARD)

    def registered(self, number: int, recipe: dict[str, Any], reason: str, card: dict[str, str]) -> None:
        """The numbered version: trained by a worker, registered with its card, handed over for validation."""
        dina = self.company["dina"]
        with self.inside():
            run = self.model.runs.filter(number=number).first() or models.start_training(
                model=self.model, recipe=recipe, dataset_version=self.data, split=self.split, reason=reason, by=dina
            )
        self.wait_for(run)
        with self.inside():
            run.refresh_from_db()
            found = self.model.versions.filter(number=number).first() or models.register_version(
                model=self.model, run=run, note=reason, by=dina
            )
            if found.state == "draft":
                models.write_card(version=found, written=card, by=dina)
                models.submit_version(version=self.at(number), by=dina)

    def at(self, number: int) -> ModelVersion:
        """A version, read anew. Asked inside the tenant."""
        return ModelVersion.objects.select_related(*RELATED).get(model=self.model, number=number)

    def examined(self) -> None:
        """The validation finds the gap."""
        with self.step("Viktor locks a plan with sex and race as protected attributes; a worker runs it"):
            self.ran(1)

    def ran(self, number: int, lines: list[dict[str, Any]] | None = None) -> ValidationRun:
        """The numbered version's plan, locked, and its run."""
        viktor = self.company["viktor"]
        with self.inside():
            plan = Plan.objects.filter(version__model=self.model, version__number=number).first()
            plan = plan or validation.write_plan(
                version=self.at(number), lines=lines, attributes=["sex", "race"], seed=1994, by=viktor
            )
            plan = validation.lock_plan(plan=plan, by=viktor) if plan.state == "draft" else plan
            run = plan.runs.exclude(state__in=["broken", "cancelled"]).first()
            run = run or validation.start_run(plan=plan, by=viktor)
        self.wait_for(run)
        with self.inside():
            return ValidationRun.objects.select_related("version__model__project", "plan").get(pk=run.pk)

    def found(self) -> Finding | None:
        """The finding that women are selected less often."""
        with self.inside():
            rows = Finding.objects.filter(version__model=self.model, version__number=1, result__name=GAP)
            finding = rows.select_related(*BESIDE_FINDING).first()
            if finding is not None:
                self.terminal.say(f"{finding}: {finding.description}")
            return finding

    def mitigated(self, finding: Finding) -> None:
        """Dina learns from reweighed rows; Viktor retests. It helps, and it is not enough."""
        dina, viktor = self.company["dina"], self.company["viktor"]
        with self.step("Dina tries a remedy: a worker trains version 2 on rows weighted by sex and outcome"):
            with self.inside():
                if finding.state == FindingState.OPEN:
                    validation.plan_work(finding=finding, action_plan=REMEDY, by=dina)
            card = {**CARD, "ethics": f"{CARD['ethics']} Version 2 was learned from reweighed rows."}
            self.registered(2, {**RECIPE, "reweigh": ["sex"]}, f"Answer to {finding}", card)
        with self.step(
            "Viktor asks version 2 what he asked the first about accuracy and fairness, and links the retest"
        ):
            with self.inside():
                asked = Plan.objects.filter(version__model=self.model, version__number=1).latest("number").checks
                lines = [line.as_line() for line in asked.filter(family__in=["performance", "fairness"])]
                if (now := self._finding(finding)).state == FindingState.IN_PROGRESS and now.retest_id is None:
                    validation.mark_ready(finding=finding, remedy=f"Version 2: {REMEDY}", by=dina)
            run = self.ran(2, lines)
            with self.inside():
                if self._finding(finding).state == FindingState.READY:
                    validation.retest(finding=finding, run=run, by=viktor)
        with self.inside():
            retest = self._finding(finding).retest
            self.terminal.say(f"Retest: {retest.sentence if retest else 'not linked yet'}")

    @staticmethod
    def _finding(finding: Finding) -> Finding:
        return Finding.objects.select_related(*BESIDE_FINDING).get(pk=finding.pk)

    def waiting(self, finding: Finding) -> None:
        """What is left of the gap: its owner asks for a waiver, which waits for risk."""
        with self.inside():
            finding = self._finding(finding)
            done = finding.waivers.exists() or finding.state != FindingState.IN_PROGRESS
        if done:
            return
        with (
            self.step("Half of the gap is left; Dina asks for a waiver; the request waits for Ruth (risk)"),
            self.inside(),
        ):
            before, after = (one.value if one is not None else None for one in (finding.result, finding.retest))
            validation.request_waiver(
                finding=finding,
                reason=f"Learning from reweighed rows raised the impact ratio from {number(before, 2)} to {number(after, 2)}, not to four "
                "fifths. The short application is only a shorter form. We ask for six months to find features that tell "
                "less of sex.",
                compensating_control="Clerks offer the short form to every applicant whose proposal was within 10 points of the limit.",
                until=dt.date.today() + dt.timedelta(days=180),
                by=self.company["dina"],
            )


RELATED = (
    "model__project", "model__organization", "artifact", "run__split", "run__dataset_version", "dataset_version",
    "approval",
)  # fmt: skip
BESIDE_FINDING = ("version__model__project", "version__model__organization", "owner", "result", "retest")
