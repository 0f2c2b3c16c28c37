"""The first version leaves office in order."""

import datetime as dt
import time

from apps.portal.demo.meridian.retraining import Retraining
from apps.portal.demo.terminal import JobFailed
from apps.retirement import actions as retirement
from apps.retirement.models import RetirementPlan


class Retirement(Retraining):
    """The first version leaves office in order."""

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
