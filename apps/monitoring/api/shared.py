"""What several parts of the API take."""

from rest_framework import serializers

from apps.organizations import access
from apps.organizations.models import User


class ReasonIn(serializers.Serializer):
    """Why."""

    reason = serializers.CharField()


def member(email: str) -> User:
    """The active member with this address."""
    person = access.members().filter(email__iexact=email).first()
    if person is None:
        raise serializers.ValidationError("There is no member with this address.")
    return person
