"""Pages of versions: what one is and where it stands, its card, its way to approval and to the archive."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.approvals.models import RequestState
from apps.core.pages import Action, Crumb, Told, refusal
from apps.discussions import timeline
from apps.models import actions, comparison, policies, records, signals
from apps.models.engine import cards
from apps.models.forms import CardForm, MessageForm, OptionalReasonForm, ReasonForm
from apps.models.models import CHAMPION, ModelVersion, VersionState
from apps.models.related import VERSION
from apps.models.views.shared import OfModel, VersionForm
from apps.models.views.training import Compare, figures
from apps.organizations import access
from apps.organizations.bases import ActionPage, ObjectPage
from apps.organizations.roles import Permission


class VersionBase(OfModel, ObjectPage):
    """Base of pages that show a version."""

    model = ModelVersion
    lookups = {"key": "model__key", "number": "number"}

    def get_queryset(self) -> Any:
        return ModelVersion.objects.select_related(*VERSION)


class VersionPage(VersionBase):
    """One version: state and what it waits for, artifact, figures, card, names."""

    template_name = "models/version.html"

    def context(self, **more: Any) -> dict[str, Any]:
        version, user = self.object, self.request.user
        written = policies.written_of(version)
        told: list[Told] = []
        beside: list[Action] = []
        signals.showing.send(sender=ModelVersion, version=version, told=told, actions=beside)
        return super().context(
            told=told,
            crumbs=self.crumbs(version.model, Crumb(f"Version {version.number}")),
            owner=version.registered_by,
            lead=version.note,
            lifecycle_of=version.model,
            primary=self._primary(version),
            actions=[*self._actions(version, user), *beside],
            aliases=version.aliases.select_related("set_by"),
            signature=version.signature,
            missing=cards.missing(written),
            written=[(part, written.get(part.key, "")) for part in cards.PARTS if written.get(part.key)],
            card=version.card,
            others=version.model.versions.exclude(pk=version.pk).exists(),
            timeline=timeline.of(version),
            can_comment=access.can(user, Permission.COMMENT, version),
            **(figures(version.run) if version.run is not None else {}),
            **more,
        )

    def _primary(self, version: ModelVersion) -> Action | None:
        """The one next step of the state it is in."""
        user, number = self.request.user, version.number
        if version.state == VersionState.DRAFT:
            refused = refusal(policies.check_submit, user, version)
            return Action("Hand over for validation", self.url("submit-version", number), refused=refused)
        if version.approval is not None and version.is_waiting:
            return Action("See the request", version.approval.get_absolute_url(), method="get")
        if version.state == VersionState.VALIDATED:
            refused = refusal(policies.check_request_approval, user, version)
            return self.link("Request approval", "request-approval", number, refused=refused)
        if version.state == VersionState.APPROVED:
            refused = refusal(policies.check_set_alias, user, version, CHAMPION)
            action = self.link("Make champion", "set-alias", refused=refused)
            return Action(action.label, f"{action.url}?name={CHAMPION}&version={version.pk}", "get", refused)
        return None

    def _actions(self, version: ModelVersion, user: Any) -> list[Action]:
        def page(label: str, name: str, check: Any, danger: bool = False) -> Action:
            return self.link(label, name, version.number, refused=refusal(check, user, version), danger=danger)

        compare = f"{self.url('compare-versions')}?version={version.number}"
        return [
            page("Write the card", "write-card", policies.check_write_card),
            Action("Compare", compare, method="get"),
            Action("Download the model", self.url("download-artifact", version.artifact_id), method="get"),
            page("Take the validation back", "return-version", policies.check_return),
            page("Reject", "reject-version", policies.check_reject, danger=True),
            page("Archive", "archive-version", policies.check_archive, danger=True),
        ]


class SubmitVersion(OfModel, ActionPage):
    """Hand a draft over for validation."""

    model = ModelVersion
    lookups = {"key": "model__key", "number": "number"}
    done = "It is a candidate now. Somebody who did not make it validates it."

    def get_queryset(self) -> Any:
        return ModelVersion.objects.select_related(*VERSION)

    def perform(self) -> str:
        return actions.submit_version(version=self.object, by=self.request.user).get_absolute_url()


class RequestApproval(VersionForm):
    """Ask for the approval of a validated version."""

    title, submit, form_class = "Request approval", "Ask for approval", MessageForm
    done = "Asked. The first signers have a mail."

    def check(self) -> None:
        policies.check_request_approval(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        request = actions.request_approval(version=self.object, by=self.request.user, **form.cleaned_data)
        return request.get_absolute_url()


class ReturnVersion(VersionForm):
    """Take a validation back."""

    title, submit, form_class = "Take the validation back", "Take back", ReasonForm
    done = "It is a candidate again."

    def check(self) -> None:
        policies.check_return(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        version = actions.return_to_candidate(version=self.object, by=self.request.user, **form.cleaned_data)
        return version.get_absolute_url()


class RejectVersion(VersionForm):
    """Say no for good."""

    template_name = "generic/confirm.html"
    title, submit, form_class, done = "Reject this version", "Reject", ReasonForm, "Rejected."

    def check(self) -> None:
        policies.check_reject(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        return actions.reject_version(version=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        said = [f"{self.object} is rejected for good. A better one gets a number of its own."]
        return super().context(**({"consequences": said, "danger": True} | more))


class ArchiveVersion(VersionForm):
    """Put a version away."""

    template_name = "generic/confirm.html"
    title, submit, form_class, done = "Archive this version", "Archive", OptionalReasonForm, "Archived."

    def check(self) -> None:
        policies.check_archive(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        return actions.archive_version(
            version=self.object, by=self.request.user, **form.cleaned_data
        ).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        said = [f"{self.object} can no longer be validated, approved or named.", "Its records and its file are kept."]
        return super().context(**({"consequences": said, "danger": True} | more))


class CardPage(VersionBase):
    """The card: written parts beside the facts of the records, with its revisions."""

    template_name = "models/card.html"

    def context(self, **more: Any) -> dict[str, Any]:
        version = self.object
        revisions = list(version.cards.select_related("written_by").order_by("-revision"))
        content = records.card_of(version)
        refused = refusal(policies.check_write_card, self.request.user, version)
        return super().context(
            title=f"Model card of {version}",
            crumbs=self.crumbs(
                version.model, Crumb(f"Version {version.number}", version.get_absolute_url()), Crumb("Model card")
            ),
            primary=self.link("Write", "write-card", version.number, refused=refused),
            actions=[
                self.link("Download as Markdown", "card-markdown", version.number),
                self.link("Download as JSON", "card-json", version.number),
            ],
            parts=[(part, content["written"][part.key]) for part in cards.PARTS],
            content=content,
            revisions=list(zip(revisions, [*revisions[1:], None], strict=False)),
            timeline=None,
            **(figures(version.run) if version.run is not None else {}),
            **more,
        )


class WriteCard(VersionForm):
    """Write the parts of a card."""

    title, submit, form_class, done = "Write the model card", "Save a new revision", CardForm, "The card is saved."

    def check(self) -> None:
        policies.check_write_card(self.request.user, self.object)

    def initial(self) -> dict:
        return dict(policies.written_of(self.object))

    def perform(self, form: Any) -> str:
        written = {key: form.cleaned_data[key] for key in cards.KEYS}
        actions.write_card(
            version=self.object, written=written, reason=form.cleaned_data["reason"], by=self.request.user
        )
        return self.url("card", self.object.number)

    def context(self, **more: Any) -> dict[str, Any]:
        waits = self.object.approval is not None and self.object.approval.state == RequestState.OPEN
        lead = "An open request covers the card as it was; saving makes it invalid." if waits else ""
        return super().context(**({"lead": lead} | more))


class _CardFile(VersionBase):
    """Base of the card as a file."""

    ending, content_type = "", ""

    def content(self) -> str:
        """The file's text."""
        raise NotImplementedError

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.object = self.get_object()
        name = f"{self.object.model.key}-{self.object.number}-card.{self.ending}"
        return HttpResponse(
            self.content(),
            content_type=self.content_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


class CardMarkdown(_CardFile):
    """The card as Markdown with a front matter that model hubs read."""

    ending, content_type = "md", "text/markdown; charset=utf-8"

    def content(self) -> str:
        return cards.markdown(records.card_of(self.object))


class CardJson(_CardFile):
    """The card as JSON."""

    ending, content_type = "json", "application/json"

    def content(self) -> str:
        return json.dumps(records.card_of(self.object), indent=2, ensure_ascii=False)


class CompareVersions(Compare):
    """Versions side by side."""

    what = "version"

    def all_rows(self) -> Any:
        return self.object.versions.select_related(*VERSION).order_by("-number")

    def groups(self, rows: list[Any]) -> list[comparison.Group]:
        return comparison.of_versions(rows)
