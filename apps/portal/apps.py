"""Portal: the pages that need several apps at once. No tables."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "apps.portal"
    label = "portal"

    def ready(self) -> None:
        from apps.core import context, lifecycle
        from apps.portal import frame, lives

        context.FRAME.append(frame.add)
        lifecycle.announce(lives.steps)
