"""One organization in which something of everything exists, made by the real actions; for the whole-product tests."""

import datetime as dt
import io
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.test.utils import override_settings
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.audit.chain import write_checkpoint
from apps.core.tenancy import tenant
from apps.datasets import actions as datasets
from apps.discussions import actions as discussions
from apps.models import actions as models
from apps.monitoring import actions as monitoring
from apps.organizations import actions as organizations
from apps.organizations.models import User
from apps.projects import actions as projects
from apps.retirement import actions as retirement
from apps.retraining import actions as retraining
from apps.validation import actions as validation
from apps.work.models import Job
from tests.cast import Cast, make_cast
from tests.conftest import own_files
from tests.datasets import factories as data_at
from tests.models import factories as models_at
from tests.models.engine.samples import recipe
from tests.monitoring.field import Field
from tests.projects import factories as projects_at
from tests.support import deliver
from tests.validation import factories as validation_at


class World:
    """Meridian Air with rows in every table, and Harbor Bank with an outsider in it."""

    # Tables that stay empty here: each needs something that no ordinary day brings.
    empty_tables = frozenset(
        {
            "deployments_predictionrecord",  # a prediction server that answers,
            "deployments_servercounter",
            "deployments_servingreport",
            "deployments_traffic",
            "retirement_disposition",  # a retirement carried to its end,
            "retirement_drainreading",
            "retraining_comparison",  # a challenger against a champion,
            "validation_template",  # an organization with templates of its own,
            "validation_historicaltemplate",
            "work_idempotencykey",  # a call with a key
        }
    )
    # Routes whose arguments name no row of a tenant.
    without_rows = (
        "join/",
        "api/v1/audit/records/",
        "auditors/trail/",
        "api/v1/environments/",
        "endpoints/environments/",
        "api/v1/validation-checks/",
        "validation/templates/",
        "monitoring/plans/",
        "monitoring/digest/",
    )

    # Pages of what this world does not have: a template of its own, a file that was never prepared.
    unfilled = frozenset({"validation/templates/<slug:tier>/<slug:kind>/<int:number>/"})

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.clients: dict[uuid.UUID, Client] = {}
        with tenant(cast.meridian.pk):
            self._people()
            self.field = Field(cast)
            self._watched()
            self._planned()
            self._learned()
            self._retired()
        deliver(cast.meridian)
        for person in (*cast.everyone.values(), cast.mallory):
            self.client(person)

    def _people(self) -> None:
        cast = self.cast
        write_checkpoint()
        team = organizations.create_team(key="modelling", name="Modelling", by=cast.adam)
        organizations.add_to_team(team=team, user=cast.mina, by=cast.adam)
        organizations.invite(email="nora@meridian.example", role="member", by=cast.adam)
        account = organizations.create_service_account(name="Pipeline", purpose="Nightly", by=cast.adam)
        organizations.create_token(user=account.user, name="nightly", by=cast.adam)
        organizations.create_token(user=cast.odile, name="mine", by=cast.odile)
        now = timezone.now()
        given = {"starts_at": now, "ends_at": now + dt.timedelta(days=1)}
        approvals.delegate(absent=cast.wim, substitute=cast.odile, by=cast.wim, **given)
        self.team = team

    def _watched(self) -> None:
        cast, field = self.cast, self.field
        field.fill()
        monitoring.give_feedback(endpoint=field.endpoint, rating=2, comment="Too many warnings", by=cast.otto)
        monitoring.open_incident(endpoint=field.endpoint, cause="feedback", title="Gate planners sigh", by=cast.otto)
        project = field.shop.project
        discussions.comment(subject=project, text="@odile look at this", by=cast.dario)
        organizations.grant(thing=project, permission="view", user=cast.mina, reason="Holiday cover", by=cast.odile)
        organizations.grant(thing=project, permission="view", team=self.team, reason="Review", by=cast.odile)
        organizations.grant(thing=field.shop.model, permission="view", user=cast.mina, reason="Review", by=cast.odile)
        organizations.grant(thing=field.shop.model, permission="view", team=self.team, reason="Review", by=cast.odile)

    def _planned(self) -> None:
        cast = self.cast
        project = projects_at.project_at(cast, "approved", key="crews")
        metric = project.metrics.first()
        projects.record_value(metric=metric, value=1.0, at=timezone.now(), source="Statistics", by=cast.bianca)
        projects.add_stakeholder(project=project, role="consulted", name="Crews", by=cast.bianca)
        source = data_at.source_of(cast, project)
        dataset = data_at.dataset_of(cast, project, key="crew-flights", source=source)
        datasets.add_rule(dataset=dataset, rule={"rule": "min_rows", "least": 10}, by=cast.dario)
        version = data_at.profiled(cast, dataset)
        datasets.check_quality(version=version, by=cast.dario)
        datasets.prepare(version=version, recipe=[{"step": "drop_duplicates"}], by=cast.dario)
        plan = {
            "method": "random",
            "seed": 1,
            "parts": [{"name": "train", "share": 0.7}, {"name": "test", "share": 0.3}],
        }
        datasets.split(version=version, plan=plan, by=cast.dario)
        deliver(cast.meridian)
        self.project, self.dataset = project, dataset

    def _learned(self) -> None:
        cast = self.cast
        model = models_at.model_of(cast, self.project, key="crews-late")
        data = models_at.signed_off_data(cast, self.project, key="crews-data")
        run = models_at.trained_run(cast, model, data)
        version = models.register_version(model=model, run=run, by=cast.dario)
        models.set_alias(model=model, name="challenger", version=version, by=cast.dario)
        examined = validation_at.candidate(cast, validation_at.model_of(cast, self.project, key="crews-strict"))
        run_ = validation_at.finished_run(cast, examined, validation_at.STRICT)
        validation.add_tool(key="audit", name="Audit", address="https://audit.example.com/", by=cast.adam)
        other = validation_at.candidate(cast, validation_at.model_of(cast, self.project, key="crews-scanned"))
        scanned = validation_at.finished_run(cast, other, [validation_at.LINES[2], validation_at.REPORTED])
        said = {"tool": "Scanner", "tool_version": "2.1", "value": 1.0, "sentence": "One issue."}
        file = ContentFile(b"One issue.", "scan.txt")
        validation.report_result(awaited=scanned.awaited.get(), said=said, file=file, by=cast.vera)
        finding = validation_at.finding_at(cast, "open", run_)
        validation.request_waiver(
            finding=finding,
            reason="For now.",
            compensating_control="A person decides.",
            until=validation_at.in_days(30),
            by=cast.dario,
        )
        validation.add_document(
            version=examined, title="Penetration test", file=io.BytesIO(b"%PDF"), name="test.pdf", by=cast.vera
        )
        sound = validation_at.candidate(cast, validation_at.model_of(cast, self.project, key="crews-sound"))
        validation.conclude(
            run=validation_at.finished_run(cast, sound, validation_at.LINES[2:4]),
            outcome="conditions",
            statement="Fit where people decide.",
            conditions="A person decides.",
            by=cast.vera,
        )
        validation.add_test(
            run=run_,
            title="By hand",
            text="Ten rows were read.",
            bearing="supports",
            file=ContentFile(b"Ten rows.", "rows.txt"),
            by=cast.vera,
        )
        line = {"key": "sec.digest"}
        validation.ask_check(run=run_, line=line, reason="Was it this file?", by=cast.vera)
        deliver(cast.meridian)
        validation.write_rules(
            content={"days": {"low": 80, "medium": 60, "high": 30, "critical": 14}}, reason="Sooner.", by=cast.adam
        )
        sound.refresh_from_db()
        demanded = "signature: Business owner: The errors that remain can be lived with."
        asking = validation_at.plan_of(cast, validation_at.candidate(cast, sound.model, 1.5), evidence=[demanded])
        validation.ask_signature(plan=asking, asked=demanded, by=cast.vera)
        again = validation.ask_revalidation(version=sound, reason="A new airport.", by=cast.vera)
        validation.request_deferral(
            revalidation=again, reason="It opens later.", until=validation_at.in_days(90), by=cast.otto
        )
        policy = retraining.write_policy(
            model=model, dataset=data.dataset, recipe=recipe("logistic"), owner=cast.dario, on_drift=True, by=cast.dario
        )
        retraining.trigger(policy=policy, trigger="drift", cause="Weather moved", by=cast.otto)

    def _retired(self) -> None:
        cast, shop = self.cast, self.field.shop
        plan = retirement.plan(
            model=shop.model,
            version=self.field.version,
            without_successor="The route is closed.",
            reason="Old.",
            by=cast.otto,
        )
        retirement.add_consumer(plan=plan, name="Gates", contact=cast.mina, use="Gates", by=cast.otto)

    def client(self, user: User) -> Client:
        """The browser of a person, signed in once for all tests of a module."""
        if user.pk not in self.clients:
            self.clients[user.pk] = Client()
            self.clients[user.pk].force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return self.clients[user.pk]

    def row(self, model: Any) -> Any:
        """Some row of Meridian Air's; asked inside its tenant."""
        rows = model._default_manager.order_by("pk")
        own = {
            "datasets.DatasetVersion": {"dataset": self.dataset},
            "organizations.ApiToken": {"user": self.cast.odile},
            "work.Message": {"recipient": self.cast.odile},
            "organizations.User": {"pk": self.cast.odile.pk},
            "approvals.Request": {"state": "open"},
        }
        return rows.filter(**own.get(model._meta.label, {})).first()

    def reader(self, route: Any) -> User:
        """Somebody who may read nearly everything."""
        return self.cast.odile

    def argument(self, name: str, route: Any) -> Any:
        """A real value for an argument that the view's model does not explain."""
        shop, field = self.field.shop, self.field
        known = {
            ("retirement", "number"): 1,
            ("api/v1/retirement", "plan"): 1,
            ("endpoints", "key"): field.endpoint.key,
            ("endpoints", "number"): 1,
            ("api/v1/endpoints", "endpoint_key"): field.endpoint.key,
            ("models", "key"): shop.model.key,
            ("roles/grants", "pk"): shop.project.person_grants.first().pk,
            ("roles", "pk"): shop.project.pk,
            ("jobs", "pk"): Job.objects.first().pk,
            ("monitoring/digest", "choice"): "on",
            ("monitoring/endpoints", "feature"): "dep_delay",
            ("monitoring/plans", "tier"): "low",
            ("validation/templates", "tier"): "limited",
            ("validation/templates", "kind"): "binary",
            ("validation/templates", "number"): 1,
            ("api/v1/validation-checks", "pk"): "perf.auc",
            ("datasets", "what"): "table",
        }
        for (prefix, argument), value in known.items():
            if argument == name and route.pattern.startswith(f"{prefix}/"):
                return value
        if name == "pk":
            return NOBODY  # There is no such row in this world; that it is hidden is shown all the same.
        raise LookupError(f"Say in tests/world.py what {name} is in {route.pattern}")


NOBODY = uuid.UUID(int=0)


@pytest.fixture(scope="module")
def _world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with override_settings(**own_files(folder)), django_db_blocker.unblock(), transaction.atomic():
        yield World(make_cast())
        transaction.set_rollback(True)


@pytest.fixture
def world(_world: World, django_db_blocker: Any) -> Iterator[World]:
    """The world, as it was before: what a test changes is rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _world
        transaction.set_rollback(True)
