"""Tenure's own account: the actor of what schedules and sweeps decide."""

from apps.organizations.models import User, UserKind

SYSTEM_EMAIL = "tenure@system.invalid"


def system() -> User:
    """The account under which Tenure itself acts. It cannot sign in."""
    return User.objects.get(email=SYSTEM_EMAIL, kind=UserKind.SYSTEM)
