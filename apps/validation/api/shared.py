"""What the API's nouns share: the version they are about, and the lines of plans and templates."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from apps.models.models import ModelVersion
from apps.organizations.bases import Rows, fetch


class VersionOut(serializers.Serializer):
    """Which version it is about."""

    model = serializers.CharField(source="model.key")
    number = serializers.IntegerField()


class LineIn(serializers.Serializer):
    """One check as asked for; what is left out is the check's own default."""

    key = serializers.CharField()
    name = serializers.CharField(required=False, max_length=120)
    parameters = serializers.DictField(required=False)
    fail = serializers.FloatField(required=False, allow_null=True)  # type: ignore[assignment]
    warn = serializers.FloatField(required=False, allow_null=True)
    judged = serializers.ChoiceField(choices=["value", "lower", "upper"], required=False)
    required = serializers.BooleanField(required=False, default=True)  # type: ignore[assignment]


def version_of(view: Rows, given: dict[str, Any]) -> ModelVersion:
    """The version that the input names, if the person may see it."""
    rows = ModelVersion.objects.select_related("model__project", "artifact", "run")
    return fetch(rows, view.request.user, model__key=given.pop("model"), number=given.pop("version"))


ABOUT = [
    OpenApiParameter("model", str, description="Key of the model"),
    OpenApiParameter("version", int, description="Number of the version"),
]


class OfVersion(Rows):
    """Rows about a version; `?model=&version=` narrows them."""

    path = "version"

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        model, version = (self.request.query_params.get(name, "") for name in ("model", "version"))
        if model:
            rows = rows.filter(**{f"{self.path}__model__key": model})
        if version.isdecimal():
            rows = rows.filter(**{f"{self.path}__number": version})
        return rows
