"""Harbor Bank: a model on census data whose fairness check finds a gap; a finding is open and a signature awaited."""

from apps.portal.demo.walk import Walk


class Harbor(Walk):
    """As far as the open request that waits for whoever tries the demo."""

    def walk(self) -> None:
        """From the charter to the request that waits."""
