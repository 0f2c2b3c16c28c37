"""Retirements at every point of their way, walked there by the real actions and workers."""

import datetime as dt
import uuid
from typing import Any

from django.utils import timezone

from apps.approvals import actions as approvals
from apps.deployments import recording
from apps.deployments.models import Deployment, Endpoint
from apps.deployments.serving import records
from apps.models.models import CHAMPION, Alias
from apps.retirement import actions
from apps.retirement.models import PlanState, RetirementPlan
from tests.cast import Cast
from tests.deployments.shop import Shop
from tests.support import deliver

QUIET = dt.timedelta(seconds=1)


class Office:
    """Late arrivals: version 1 was replaced by version 2 in production an hour ago; both have real artifacts."""

    def __init__(self, cast: Cast) -> None:
        self.cast, self.shop = cast, Shop(cast)
        staging = self.shop.endpoint(self.shop.staging)
        self.endpoint: Endpoint = self.shop.endpoint()
        self.old, self.new = self.shop.version(1), self.shop.version(2)
        for version in (self.old, self.new):
            self.shop.deploy(staging, version)
            self.shop.deploy(self.endpoint, version)
        self.model = self.shop.model

    def plan(self, **more: Any) -> RetirementPlan:
        """A plan for version 1, by Otto, with Dario's team as consumer."""
        given: dict[str, Any] = {
            "model": self.model, "version": self.old, "successor_version": self.new, "reason": "Version 2 is better.",
            "notice_days": 0, "quiet_for": QUIET, "by": self.cast.otto,
        }  # fmt: skip
        plan = actions.plan(**(given | more))
        actions.add_consumer(plan=plan, name="Gate planning", contact=self.cast.mina, use="Gates", by=self.cast.otto)
        return plan

    def whole(self, **more: Any) -> RetirementPlan:
        """A plan for the whole model."""
        given = {"version": None, "successor_version": None, "without_successor": "The route is closed."}
        return self.plan(**(given | more))

    def at(self, state: str, **more: Any) -> RetirementPlan:
        """A plan of version 1 in a state."""
        return self.walk(self.plan(**more), state)

    def walk(self, plan: RetirementPlan, state: str) -> RetirementPlan:
        """Take a plan to a state, one step after another."""
        steps = [self._approve, self._notify, self._drain, self._count, self._turn_off, self._put_away, self._close]
        names = [PlanState.APPROVED, PlanState.NOTIFIED, PlanState.DRAINING, PlanState.DRAINED, PlanState.OFF]
        names += [PlanState.ARCHIVED, PlanState.CLOSED]
        if state == PlanState.CANCELLED:
            actions.cancel(plan=plan, reason="It stays.", by=self.cast.otto)
        elif state != PlanState.PLANNED:
            for step, name in zip(steps, names, strict=True):
                step(plan)
                if name == state:
                    break
        plan = RetirementPlan.objects.get(pk=plan.pk)
        assert plan.state == state
        return plan

    def _approve(self, plan: RetirementPlan) -> None:
        request = actions.request_approval(plan=plan, by=self.cast.otto)
        for signer in (self.cast.bianca, self.cast.carlo):
            approvals.sign(request=request, by=signer, confirmed=True)

    def _notify(self, plan: RetirementPlan) -> None:
        actions.notify(plan=plan, by=self.cast.otto)

    def _drain(self, plan: RetirementPlan) -> None:
        for consumer in plan.consumers.filter(acknowledged_at=None):
            actions.acknowledge(consumer=consumer, by=consumer.contact)
        actions.start_draining(plan=plan, by=self.cast.otto)

    def _count(self, plan: RetirementPlan) -> None:
        self.an_hour_later(plan)
        deliver(self.cast.meridian)

    def _turn_off(self, plan: RetirementPlan) -> None:
        actions.turn_off(plan=plan, by=self.cast.otto)

    def _put_away(self, plan: RetirementPlan) -> None:
        actions.archive(plan=plan, by=self.cast.otto)
        deliver(self.cast.meridian)

    def _close(self, plan: RetirementPlan) -> None:
        actions.close(plan=plan, summary="It went well.", by=self.cast.otto)

    def an_hour_later(self, plan: RetirementPlan) -> None:
        """Let the drain have begun an hour ago, without waiting for it."""
        hour = dt.timedelta(hours=1)
        drained = RetirementPlan.objects.get(pk=plan.pk)
        if drained.draining_at:
            drained.draining_at -= hour
            drained.save()
        for deployment in Deployment.objects.filter(version=self.old, ended_at__isnull=False):
            deployment.started_at, deployment.ended_at = deployment.started_at - hour, deployment.ended_at - hour
            deployment.save()

    def ask(self, version: Any, at: dt.datetime | None = None) -> None:
        """One call that a server answered with an error, recorded as the recorder does."""
        facts = records.Facts(
            call=str(uuid.uuid4()), organization=str(self.cast.meridian.pk), endpoint=str(self.endpoint.pk),
            version=str(version.pk), at=(at or timezone.now()).timestamp(), seconds=0.01, status="refused", rows=1,
            request_id="",
        )  # fmt: skip
        recording.store("host", [records.Call(facts)])

    @property
    def champion(self) -> Any:
        """The version in office."""
        alias = Alias.objects.filter(model=self.model, name=CHAMPION).first()
        return alias.version if alias else None
