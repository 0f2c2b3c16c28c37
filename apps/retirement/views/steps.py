"""The steps of a retirement, one page each."""

from typing import Any

from apps.organizations.bases import ActionPage
from apps.retirement import actions, policies
from apps.retirement.forms import MessageForm, ReasonForm, SummaryForm, TermsForm, terms_of
from apps.retirement.views.shared import OfPlan, Step


class Change(Step):
    """Change the terms."""

    template_name = "generic/form.html"
    title, done = "Change the terms", "Saved."
    policy = staticmethod(policies.check_change)

    def get_form(self, **kwargs: Any) -> TermsForm:
        kwargs.pop("files", None)
        return TermsForm(model=self.object.model, version=self.object.version, **kwargs)

    def initial(self) -> dict[str, Any]:
        return terms_of(self.object)

    def perform(self, form: Any) -> str:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        return actions.change(plan=self.object, changes=changes, by=self.request.user).get_absolute_url()


class RequestApproval(Step):
    """Ask for the retirement to be approved."""

    title, submit, form_class, done = "Ask for approval", "Ask", MessageForm, "Asked. The signers have been told."
    policy = staticmethod(policies.check_request_approval)
    consequences = ("The plan is frozen as it stands; a change ends the request.", "You cannot sign it yourself.")

    def act(self, **given: Any) -> Any:
        return actions.request_approval(**given)


class Notify(Step):
    """Give notice."""

    title, submit, done = "Give notice", "Give notice", "Every consumer has been told."
    policy = staticmethod(policies.check_notify)

    def act(self, **given: Any) -> Any:
        return actions.notify(**given)

    def context(self, **more: Any) -> dict[str, Any]:
        names = ", ".join(f"{one} ({one.reached})" for one in self.object.consumers.select_related("contact"))
        said = [
            f"A mail goes to: {names or 'nobody, no consumer is named'}.",
            f"The notice runs {self.object.notice_days} days from now.",
            "The terms stand from now on.",
        ]
        return super().context(**({"consequences": said} | more))


class Drain(Step):
    """Start draining."""

    title, submit, done = "Start draining", "Start", "It drains. What still comes is counted."
    policy = staticmethod(policies.check_drain)
    consequences = (
        "Endpoints of a whole model tell every caller that they go away; they still answer.",
        "Every prediction that is still asked for is counted until a whole window stays quiet.",
    )

    def act(self, **given: Any) -> Any:
        return actions.start_draining(**given)


class TurnOff(Step):
    """Turn it off."""

    title, submit, done = "Turn off", "Turn off", "It is off."
    policy = staticmethod(policies.check_turn_off)
    consequences = ("Endpoints of a whole model end for good.", "Their monitors and schedules stop.")

    def act(self, **given: Any) -> Any:
        return actions.turn_off(**given)

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"danger": True} | more))


class Archive(Step):
    """Put it away."""

    title, submit, done = "Put away", "Put away", "A worker seals what is held."
    policy = staticmethod(policies.check_archive)

    def act(self, **given: Any) -> Any:
        return actions.archive(**given)

    def context(self, **more: Any) -> dict[str, Any]:
        said = [
            "Every artifact is checked against its hash and sealed with its card.",
            f"It is held until {self.object.hold_until:%-d %B %Y}.",
            "Names are taken from the versions, and they are archived.",
        ]
        return super().context(**({"consequences": said} | more))


class Close(Step):
    """Close it."""

    template_name = "generic/form.html"
    title, submit, form_class, done = "Close the retirement", "Close", SummaryForm, "Closed."
    policy = staticmethod(policies.check_close)

    def act(self, **given: Any) -> Any:
        return actions.close(**given)


class Cancel(Step):
    """Take it back."""

    title, submit, form_class, done = "Cancel the retirement", "Cancel it", ReasonForm, "It stays in office."
    policy = staticmethod(policies.check_cancel)
    consequences = ("It stays in office; consumers who were told learn of it.", "Endpoints that drain go on.")

    def act(self, **given: Any) -> Any:
        return actions.cancel(**given)


class Measure(OfPlan, ActionPage):
    """Count now."""

    done = "A worker counts."

    def perform(self) -> None:
        actions.measure(plan=self.object, by=self.request.user)
