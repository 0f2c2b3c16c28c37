"""Pages that change what answers: a version through the gate, a deployment, roll back, drain, turn off."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from apps.core.pages import Action, Crumb, refusal
from apps.deployments import actions, policies, terms, traffic
from apps.deployments.engine import gate
from apps.deployments.forms import (
    AcknowledgeForm,
    DeployForm,
    OptionalReasonForm,
    ReasonForm,
)
from apps.deployments.models import (
    Deployment,
    DeploymentState,
)
from apps.deployments.views.shared import OfDeployment, OfEndpoint, carry_out, crumbs
from apps.discussions import timeline
from apps.models.models import ModelVersion
from apps.organizations.bases import ObjectFormPage, ObjectPage, fetch
from apps.validation import subjects


class ChangeVersion(OfEndpoint, ObjectFormPage):
    """May this version go to this endpoint? The gate's answer, and the way to put it there."""

    template_name = "deployments/change_version.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        rows = policies.for_gate(ModelVersion.objects.all())
        self.version = fetch(rows, request.user, model=self.object.model, number=self.kwargs["number"])
        self.needs_approval = self.object.environment.is_production

    @property
    def title(self) -> str:  # type: ignore[override]
        """What the page is about."""
        return f"Version {self.version.number} to {self.object}"

    @property
    def submit(self) -> str:  # type: ignore[override]
        """The verb."""
        return "Ask for approval" if self.needs_approval else "Deploy"

    def get_form(self, **kwargs: Any) -> DeployForm:
        kwargs.pop("files", None)
        return DeployForm(conditions=subjects.conditions_in_force(self.version), **kwargs)

    def perform(self, form: Any) -> str:
        action = actions.request_deployment if self.needs_approval else actions.deploy
        by, reason = self.request.user, form.cleaned_data["reason"]
        deployment = action(
            endpoint=self.object, version=self.version, reason=reason, acknowledged=form.acknowledged(), by=by
        )
        return deployment.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        check = policies.check_request_deployment if self.needs_approval else policies.check_deploy
        trail = crumbs(self, Crumb(str(self.object), self.object.get_absolute_url()), Crumb(self.title))
        return super().context(
            crumbs=trail,
            version=self.version,
            needs_approval=self.needs_approval,
            current=self.object.current,
            answer=gate.decide(policies.gather(self.version, self.object.environment, self.object)),
            refused=refusal(check, self.request.user, self.object, self.version),
            **more,
        )


class DeploymentPage(OfDeployment, ObjectPage):
    """One deployment: what, where, from when to when, who asked, who signed, who did it, and what the gate said."""

    template_name = "deployments/deployment.html"

    def context(self, **more: Any) -> dict[str, Any]:
        deployment: Deployment = self.object
        endpoint, here = deployment.endpoint, [self.organization.key, deployment.endpoint.key, deployment.number]
        trail = crumbs(
            self, Crumb(str(endpoint), endpoint.get_absolute_url()), Crumb(f"Deployment {deployment.number}")
        )
        primary, more_actions = None, []
        if deployment.state == DeploymentState.PLANNED:
            primary = carry_out(self, deployment, "Deploy")
            refused = refusal(policies.check_drop, self.request.user, deployment)
            more_actions = [Action("Give up", reverse("deployments:drop", args=here), method="get", refused=refused)]
        signatures = deployment.request.signatures.select_related("user", "on_behalf_of") if deployment.request else []
        return super().context(
            crumbs=trail,
            owner=deployment.requested_by,
            lifecycle_of=endpoint.model,
            primary=primary,
            actions=more_actions,
            signatures=signatures,
            timeline=timeline.of(deployment),
            **more,
        )


class CarryOut(OfDeployment, ObjectFormPage):
    """Carry an approved deployment out, with the conditions in words that were not there when it was asked for."""

    title, submit = "Deploy what was approved", "Deploy"
    done = "Deployed. The prediction servers follow within a second."

    def check(self) -> None:
        policies.check_carry_out(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> AcknowledgeForm:
        kwargs.pop("files", None)
        return AcknowledgeForm(conditions=terms.unacknowledged(self.object), **kwargs)

    def perform(self, form: Any) -> str:
        deployment = actions.deploy(
            endpoint=self.object.endpoint,
            version=self.object.version,
            acknowledged=form.acknowledged(),
            by=self.request.user,
        )
        return deployment.endpoint.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        deployment = self.object
        here = Crumb(str(deployment.endpoint), deployment.endpoint.get_absolute_url())
        trail = crumbs(self, here, Crumb(f"Deployment {deployment.number}", deployment.get_absolute_url()))
        return super().context(lead=str(deployment), crumbs=[*trail, Crumb(self.title)], **more)


class Drop(OfDeployment, ObjectFormPage):
    """Give a planned deployment up."""

    title, submit, form_class, done = "Give this deployment up", "Give up", OptionalReasonForm, "Given up."

    def check(self) -> None:
        policies.check_drop(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.drop(deployment=self.object, by=self.request.user, reason=form.cleaned_data["reason"])
        return self.object.endpoint.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        endpoint = self.object.endpoint
        return super().context(
            crumbs=crumbs(self, Crumb(str(endpoint), endpoint.get_absolute_url()), Crumb(self.title)), **more
        )


class _Change(OfEndpoint, ObjectFormPage):
    """Base of the pages that change what an endpoint does: consequences, a reason, one button."""

    template_name = "generic/confirm.html"
    form_class = ReasonForm
    danger = False
    policy: Any
    verb: Any

    def check(self) -> None:
        type(self).policy(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        type(self).verb(endpoint=self.object, reason=form.cleaned_data["reason"], by=self.request.user)
        return self.object.get_absolute_url()

    def consequences(self) -> list[str]:
        """Sentences of what will happen."""
        raise NotImplementedError

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(
            crumbs=crumbs(self, Crumb(str(self.object), self.object.get_absolute_url()), Crumb(self.title)),
            consequences=self.consequences(),
            danger=self.danger,
            **more,
        )


class RollBack(_Change):
    """Back to the version before."""

    title, submit, done = "Roll back", "Roll back now", "Rolled back. The prediction servers follow within a second."
    danger = True
    policy = staticmethod(policies.check_roll_back)
    verb = staticmethod(actions.roll_back)

    def consequences(self) -> list[str]:
        current, before = self.object.current, policies.check_roll_back(self.request.user, self.object)
        alias = "The champion alias moves with it." if self.object.environment.is_production else ""
        sentences = [
            f"{before.version} answers at {self.object} within a second, in place of {current.version}.",
            "No new approval is needed: the version before was approved and has served here.",
            alias,
        ]
        return [sentence for sentence in sentences if sentence]


class Drain(_Change):
    """The beginning of an endpoint's end."""

    title, submit, done = "Drain", "Drain", "Callers are told with every answer that the endpoint is going away."
    policy = staticmethod(policies.check_drain)
    verb = staticmethod(actions.drain)

    def consequences(self) -> list[str]:
        return [
            "It goes on answering; each answer carries the header Deprecation: true.",
            "Nothing new can be deployed here unless it is resumed.",
        ]


class Resume(_Change):
    """It stays after all."""

    title, submit, done = "Resume", "Resume", "The endpoint is live as before."
    policy = staticmethod(policies.check_resume)
    verb = staticmethod(actions.resume)

    def consequences(self) -> list[str]:
        return ["Answers no longer say that the endpoint is going away, and new versions can be deployed again."]


class TurnOff(_Change):
    """The end."""

    title, submit, done = "Turn off", "Turn off for good", "The endpoint is off. Callers get 410."
    danger = True
    policy = staticmethod(policies.check_turn_off)
    verb = staticmethod(actions.turn_off)

    def consequences(self) -> list[str]:
        quiet = traffic.quiet_since(self.object)
        busy = f"It has been quiet since {quiet:%Y-%m-%d %H:%M} UTC." if quiet else "Records of its calls still arrive."
        return [f"{self.object} stops answering within a second and cannot be turned on again.", busy]
