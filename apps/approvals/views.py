"""Pages of approvals: my queue, a request with its evidence and signatures, policies, who signs while I am away."""

from typing import Any

import django_filters
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.approvals import actions, policies
from apps.approvals.forms import DelegationForm, PolicyForm, ReasonForm, SignForm, Steps, WithdrawForm
from apps.approvals.kinds import DEFAULTS, Kind
from apps.approvals.models import Delegation, Policy, Request, RequestState
from apps.core.pages import Action, Crumb, Tab, refusal
from apps.discussions import timeline
from apps.organizations.bases import ActionPage, FormPage, ListPage, ObjectFormPage, ObjectPage, confirm_it_is_you


class RequestFilter(django_filters.FilterSet):
    """State and kind."""

    state = django_filters.ChoiceFilter(choices=RequestState.choices)
    kind = django_filters.ChoiceFilter(choices=Kind.choices, label="Decision")


class RequestList(ListPage):
    """My queue, and with `?all=1` every request I may see."""

    template_name = "approvals/request_list.html"
    title = "Approvals"
    model = Request
    filterset_class = RequestFilter
    orderings = {"title": "title", "due": "due_at", "state": "state", "asked": "created_at"}
    columns = {
        "Title": "title",
        "Decision": "get_kind_display",
        "State": "state",
        "Asked by": "requested_by",
        "Due": "due_at",
        "Decided": "decided_at",
    }

    def get_queryset(self) -> Any:
        rows = Request.objects if "all" in self.request.GET else policies.waiting_for(self.request.user)
        return rows.select_related("requested_by", "policy", "organization").prefetch_related("policy__steps")

    def context(self, **more: Any) -> dict[str, Any]:
        here = reverse("approvals:requests", args=[self.organization.key])
        everything = "all" in self.request.GET
        tabs = [
            Tab("Waiting for me", here, count=policies.waiting_for(self.request.user).count(), current=not everything),
            Tab("All requests", f"{here}?all=1", current=everything),
        ]
        return super().context(tabs=tabs, everything=everything, **more)


class RequestPage(ObjectPage):
    """What is asked, on what evidence, who has signed and who is waited for."""

    template_name = "approvals/request.html"
    model = Request

    def get_queryset(self) -> Any:
        return Request.objects.select_related("requested_by", "policy", "organization", "scope")

    def context(self, **more: Any) -> dict[str, Any]:
        request, user = self.object, self.request.user
        return super().context(
            crumbs=[
                Crumb("Approvals", reverse("approvals:requests", args=[self.organization.key])),
                Crumb(str(request)),
            ],
            owner=request.requested_by,
            primary=self._action("Sign", "sign", refusal(policies.check_sign, user, request)),
            actions=[
                self._action("Ask for changes", "ask-for-changes", refusal(policies.check_sign, user, request)),
                self._action("Decline", "decline", refusal(policies.check_sign, user, request), danger=True),
                self._action("Withdraw", "withdraw", refusal(policies.check_withdraw, user, request)),
            ],
            steps=_steps(request),
            conflicts=request.conflicts.select_related("user"),
            timeline=timeline.of(request),
            **more,
        )

    def _action(self, label: str, name: str, refused: str, danger: bool = False) -> Action:
        url = reverse(f"approvals:{name}", args=[self.organization.key, self.object.pk])
        return Action(label, url, method="get", refused=refused, danger=danger)


def _steps(request: Request) -> list[dict[str, Any]]:
    signatures = list(request.signatures.select_related("user", "on_behalf_of"))
    return [
        {
            "step": step,
            "signatures": [signature for signature in signatures if signature.step == step.order],
            "is_current": request.is_open and step.order == request.step,
            "is_past": step.order < request.step or request.state == RequestState.APPROVED,
        }
        for step in request.policy.steps.all()
    ]


class _Decide(ObjectFormPage):
    """Base of the pages that decide; shows again what is being decided."""

    template_name = "approvals/decide.html"
    model = Request

    def get_queryset(self) -> Any:
        return Request.objects.select_related("policy", "organization", "scope")

    def check(self) -> None:
        policies.check_sign(self.request.user, self.object)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.check()
        if self.object.policy.is_high_risk and self.asks_identity and not self.confirmed:
            return confirm_it_is_you(request)
        return super().get(request, **kwargs)

    asks_identity = True

    @property
    def confirmed(self) -> bool:
        """Whether the person has shown who they are within the last minutes."""
        return bool(did_recently_reauthenticate(self.request))

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = [
            Crumb("Approvals", reverse("approvals:requests", args=[self.organization.key])),
            Crumb(str(self.object), self.object.get_absolute_url()),
        ]
        return super().context(crumbs=[*crumbs, Crumb(self.title)], **more)


class Sign(_Decide):
    """Sign the current step."""

    title, submit, form_class, done = "Sign", "Sign", SignForm, "Signed."

    def perform(self, form: Any) -> str:
        actions.sign(
            request=self.object, by=self.request.user, comment=form.cleaned_data["comment"], confirmed=self.confirmed
        )
        return self.object.get_absolute_url()


class Decline(_Decide):
    """Say no."""

    title, submit, form_class, done = "Decline", "Decline", ReasonForm, "Declined. Who asked has been told why."

    def perform(self, form: Any) -> str:
        actions.decline(
            request=self.object, by=self.request.user, reason=form.cleaned_data["reason"], confirmed=self.confirmed
        )
        return self.object.get_absolute_url()


class AskForChanges(_Decide):
    """Send it back."""

    title, submit, form_class, done = (
        "Ask for changes",
        "Send back",
        ReasonForm,
        "Sent back. Who asked has been told what to change.",
    )

    def perform(self, form: Any) -> str:
        actions.ask_for_changes(
            request=self.object, by=self.request.user, reason=form.cleaned_data["reason"], confirmed=self.confirmed
        )
        return self.object.get_absolute_url()


class Withdraw(_Decide):
    """Take back what one asked for."""

    title, submit, form_class, done = "Withdraw", "Withdraw", WithdrawForm, "Withdrawn."
    asks_identity = False

    def check(self) -> None:
        policies.check_withdraw(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.withdraw(request=self.object, by=self.request.user, reason=form.cleaned_data["reason"])
        return self.object.get_absolute_url()


class PolicyList(ListPage):
    """The policies in force."""

    template_name = "approvals/policy_list.html"
    title = "Approval policies"
    model = Policy
    orderings = {"kind": "kind"}
    default_ordering = "kind"

    def get_queryset(self) -> Any:
        return Policy.objects.filter(is_current=True).select_related("organization").prefetch_related("steps")

    def context(self, **more: Any) -> dict[str, Any]:
        refused = refusal(policies.check_write_policy, self.request.user)
        url = reverse("approvals:write-policy", args=[self.organization.key])
        written = set(Policy.objects.filter(is_current=True, tiers=[]).values_list("kind", flat=True))
        by_default = [(kind.label, DEFAULTS[kind]) for kind in Kind if kind not in written]
        primary = Action("Change a policy", url, method="get", refused=refused)
        return super().context(primary=primary, by_default=by_default, **more)


class PolicyPage(ObjectPage):
    """One version of a policy, and the others."""

    template_name = "approvals/policy.html"
    model = Policy

    def context(self, **more: Any) -> dict[str, Any]:
        versions = Policy.objects.filter(kind=self.object.kind, tiers=self.object.tiers).select_related("organization")
        crumbs = [
            Crumb("Approval policies", reverse("approvals:policies", args=[self.organization.key])),
            Crumb(str(self.object)),
        ]
        return super().context(
            crumbs=crumbs,
            versions=versions,
            state="current" if self.object.is_current else "superseded",
            timeline=timeline.of(self.object),
            **more,
        )


class WritePolicy(FormPage):
    """Put a new version of a policy in force."""

    template_name = "approvals/write_policy.html"
    title, submit, form_class, done = (
        "Change an approval policy",
        "Put in force",
        PolicyForm,
        "The policy is in force for requests from now on.",
    )

    def check(self) -> None:
        policies.check_write_policy(self.request.user)

    def initial(self) -> dict:
        kind = self.request.GET.get("kind", Kind.CHARTER)
        policy = Policy.objects.filter(kind=kind, is_current=True, tiers=[]).first()
        return (
            {"kind": kind}
            if policy is None
            else {"kind": kind, "independence": policy.independence, "is_high_risk": policy.is_high_risk}
        )

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = [
            Crumb("Approval policies", reverse("approvals:policies", args=[self.organization.key])),
            Crumb(self.title),
        ]
        return super().context(**({"crumbs": crumbs, "steps": self._steps()} | more))

    def _steps(self) -> Any:
        policy = Policy.objects.filter(kind=self.initial()["kind"], is_current=True, tiers=[]).first()
        given = (
            [
                {"role": step.role, "quorum": step.quorum, "days": step.days, "escalate_to": step.escalate_to}
                for step in policy.steps.all()
            ]
            if policy
            else []
        )
        return Steps(initial=given, prefix="steps")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.steps = Steps(request.POST, prefix="steps")
        if not self.steps.is_valid():
            self.check()
            return self.render(form=self.get_form(data=request.POST), steps=self.steps, status=422)
        return super().post(request, **kwargs)

    def perform(self, form: Any) -> str:
        wanted = [
            row.cleaned_data for row in self.steps.forms if row.cleaned_data and not row.cleaned_data.get("DELETE")
        ]
        steps = [{name: row[name] for name in ("role", "quorum", "days", "escalate_to")} for row in wanted]
        policy = actions.write_policy(**form.cleaned_data, steps=steps, by=self.request.user)
        return policy.get_absolute_url()


class Delegations(FormPage):
    """Who signs for whom, and letting somebody sign for me."""

    template_name = "approvals/delegations.html"
    title, submit, done = "Signing while away", "Let them sign", "From then on they sign in your place."

    def get_form(self, **kwargs: Any) -> DelegationForm:
        kwargs.pop("files", None)
        return DelegationForm(user=self.request.user, **kwargs)

    def perform(self, form: Any) -> str:
        actions.delegate(absent=self.request.user, by=self.request.user, **form.cleaned_data)
        return reverse("approvals:delegations", args=[self.organization.key])

    def context(self, **more: Any) -> dict[str, Any]:
        rows = Delegation.objects.select_related("absent", "substitute")
        return super().context(
            crumbs=[Crumb("Approvals", reverse("approvals:requests", args=[self.organization.key])), Crumb(self.title)],
            delegations=rows,
            **more,
        )


class RevokeDelegation(ActionPage):
    """End a delegation."""

    model = Delegation
    done = "The delegation has ended."

    def perform(self) -> str:
        actions.revoke_delegation(delegation=self.object, by=self.request.user)
        return reverse("approvals:delegations", args=[self.organization.key])
