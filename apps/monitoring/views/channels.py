"""Channels: the list, one with what was delivered there, everything that can be set, and each delivery."""

from typing import Any

import django_filters

from apps.core.pages import Action, Crumb, refusal
from apps.deployments.models import Endpoint
from apps.discussions import timeline
from apps.monitoring import actions, policies
from apps.monitoring.forms import ChangeChannelForm, ChannelForm
from apps.monitoring.models import Channel
from apps.monitoring.views.shared import crumbs, link
from apps.organizations import access
from apps.organizations.bases import ActionPage, FormPage, ListPage, ObjectFormPage, ObjectPage, fetch
from apps.projects.models import Project
from apps.work import deliveries
from apps.work.models import Delivery, Transport

RELATED = ("organization", "destination", "project", "endpoint")


class ChannelFilter(django_filters.FilterSet):
    """How, and whether it is in use."""

    transport = django_filters.ChoiceFilter(field_name="destination__transport", choices=Transport.choices, label="How")


class ChannelList(ListPage):
    """Where incidents are told."""

    template_name = "monitoring/channel_list.html"
    title = "Channels"
    model = Channel
    filterset_class = ChannelFilter
    orderings = {"name": "name"}
    default_ordering = "name"
    columns = {
        "Name": "name", "How": "destination__transport", "To": "destination__shown", "Tells of": "reach",
        "From severity": "least", "Causes": "causes_in_words", "In use": "is_active",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        return Channel.objects.select_related(*RELATED)

    def context(self, **more: Any) -> dict[str, Any]:
        refused = refusal(policies.check_channels_of, self.request.user, None)
        refused = refused and f"{refused} For one endpoint, open it from the endpoint's page."
        return super().context(
            lead="Where incidents are told, beside the mails to the people of the model.",
            crumbs=crumbs(self.organization, Crumb(self.title)),
            primary=Action("New channel", link("create-channel", self.organization), method="get", refused=refused),
            **more,
        )


class ChannelPage(ObjectPage):
    """One channel: where it leads, what it tells of, and the ledger of what was delivered."""

    template_name = "monitoring/channel.html"
    model = Channel

    def get_queryset(self) -> Any:
        return Channel.objects.select_related(*RELATED, "created_by")

    def context(self, **more: Any) -> dict[str, Any]:
        channel = self.object
        refused = refusal(policies.check_channel, self.request.user, channel)
        is_signed = channel.destination.transport == Transport.WEBHOOK
        sent = Delivery.objects.filter(destination=channel.destination).select_related("organization")
        return super().context(
            crumbs=crumbs(
                self.organization, Crumb("Channels", link("channels", self.organization)), Crumb(str(channel))
            ),
            primary=Action("Send a test", link("try-channel", self.organization, channel.pk), refused=refused),
            actions=self._actions(refused, is_signed),
            deliveries=access.visible(sent, self.request.user)[:50],
            secret="" if refused or not is_signed else deliveries.secret_of(channel.destination),
            timeline=timeline.of(channel),
            **more,
        )

    def _actions(self, refused: str, is_signed: bool) -> list[Action]:
        pk = self.object.pk
        found = [Action("Change", link("change-channel", self.organization, pk), method="get", refused=refused)]
        if is_signed:
            url = link("change-secret", self.organization, pk)
            sure = "The former secret signs beside the new one for a day. Make a new one?"
            found.append(Action("New signing secret", url, refused=refused, confirm=sure))
        return found


class CreateChannel(FormPage):
    """A new channel; `?project=` and `?endpoint=` say of what it tells, otherwise of the whole organization."""

    title, submit, form_class, done = "New channel", "Open it", ChannelForm, "It is open. Send a test to see it arrive."

    def check(self) -> None:
        policies.check_channels_of(self.request.user, self.thing())

    def thing(self) -> Any:
        """The endpoint or project that the address names."""
        asked, user = self.request.GET, self.request.user
        if asked.get("endpoint"):
            return fetch(Endpoint.objects.select_related("model__project"), user, key=asked["endpoint"])
        return fetch(Project.objects.all(), user, key=asked["project"]) if asked.get("project") else None

    def cancel_url(self) -> str:
        return link("channels", self.organization)

    def perform(self, form: Any) -> str:
        thing = self.thing()
        told = {"endpoint": thing} if isinstance(thing, Endpoint) else {"project": thing}
        return actions.create_channel(by=self.request.user, **told, **form.cleaned_data).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        thing = self.thing()
        lead = f"It tells of {thing} alone." if thing else "It tells of every model of the organization."
        channels = Crumb("Channels", link("channels", self.organization))
        return super().context(lead=lead, crumbs=crumbs(self.organization, channels, Crumb(self.title)), **more)


class ChangeChannel(ObjectFormPage):
    """Change a channel's settings."""

    model = Channel
    title, submit, form_class, done = "Change the channel", "Save", ChangeChannelForm, "The channel was changed."

    def get_queryset(self) -> Any:
        return Channel.objects.select_related(*RELATED)

    def check(self) -> None:
        policies.check_channel(self.request.user, self.object)

    def initial(self) -> dict:
        return {name: getattr(self.object, name) for name in ("name", "least", "causes", "is_active")}

    def perform(self, form: Any) -> str:
        actions.change_channel(channel=self.object, settings=form.cleaned_data, by=self.request.user)
        return self.object.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        channel = Crumb(str(self.object), self.object.get_absolute_url())
        trail = crumbs(self.organization, Crumb("Channels", link("channels", self.organization)), channel)
        return super().context(**({"crumbs": [*trail, Crumb(self.title)]} | more))


class TryChannel(ActionPage):
    """Send a test."""

    model = Channel
    done = "The test is on its way. What becomes of it is shown below."

    def get_queryset(self) -> Any:
        return Channel.objects.select_related(*RELATED)

    def perform(self) -> None:
        actions.try_channel(channel=self.object, by=self.request.user)


class ChangeSecret(ActionPage):
    """A new signing secret."""

    model = Channel
    done = "There is a new secret. The former one signs beside it for a day."

    def get_queryset(self) -> Any:
        return Channel.objects.select_related(*RELATED)

    def perform(self) -> None:
        actions.change_channel_secret(channel=self.object, by=self.request.user)


class DeliveryPage(ObjectPage):
    """One delivery: what was sent, and every attempt at it."""

    template_name = "monitoring/delivery.html"
    model = Delivery

    def get_queryset(self) -> Any:
        return Delivery.objects.select_related("organization", "destination")

    def context(self, **more: Any) -> dict[str, Any]:
        delivery = self.object
        channel = Channel.objects.select_related(*RELATED).filter(destination=delivery.destination).first()
        trail = [Crumb("Channels", link("channels", self.organization))]
        trail += [Crumb(str(channel), channel.get_absolute_url())] if channel else []
        refused = "" if channel else "Its channel is gone."
        refused = refused or refusal(policies.check_replay, self.request.user, delivery, channel)
        return super().context(
            title=delivery.news["title"],
            crumbs=crumbs(self.organization, *trail, Crumb(delivery.event)),
            primary=Action("Send again", link("replay-delivery", self.organization, delivery.pk), refused=refused),
            channel=channel,
            tries=delivery.tries.all(),
            **more,
        )


class ReplayDelivery(ActionPage):
    """Send it once more."""

    model = Delivery
    done = "It is sent again, under the same id."

    def get_queryset(self) -> Any:
        return Delivery.objects.select_related("organization", "destination")

    def perform(self) -> str:
        actions.replay_delivery(delivery=self.object, by=self.request.user)
        return link("delivery", self.organization, self.object.pk)
