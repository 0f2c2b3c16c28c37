"""Meridian Air: will a flight arrive more than 15 minutes late? One model's whole life on the flights of 2013."""

from apps.portal.demo.meridian.retirement import Retirement

__all__ = ["Meridian"]


class Meridian(Retirement):
    """The eight stages in order, each a class that knows those before it."""

    def walk(self) -> None:
        """From the business case to the retirement of the first version."""
        self.planning()
        self.data()
        self.development()
        self.version = self.validated(1)
        self.approved(self.version)
        self.deployment()
        self.monitoring()
        self.retraining()
        self.retirement()
