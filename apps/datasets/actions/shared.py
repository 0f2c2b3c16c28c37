"""What several actions need: keys, numbers, the tables that recipes and rules name."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max, Model

from apps.core.errors import Conflict, Invalid
from apps.datasets.models import Dataset, DatasetVersion, VersionState
from apps.organizations import access
from apps.organizations.models import KEY

# Words that stand where a key stands in the addresses of pages.
RESERVED = {"new", "sources"}


def refuse_used_key(model: type[Any], key: str, noun: str) -> None:
    """Raise unless the key can stand in an address and is free in the organization."""
    try:
        KEY(key)
    except ValidationError as error:
        raise Invalid(error.messages[0], {"key": error.messages[0]}) from error
    if key in RESERVED:
        sentence = f"“{key}” is a word of the addresses here. Choose another key."
        raise Invalid(sentence, {"key": sentence})
    if model.objects.filter(key=key).exists():
        raise Conflict(f"There is a {noun} with the key “{key}” already. Choose another key.")


def next_number(parent: Model, rows: Any) -> int:
    """The number after the greatest, with the parent locked so that two cannot take the same."""
    type(parent)._default_manager.select_for_update().get(pk=parent.pk)
    return int(rows.aggregate(greatest=Max("number"))["greatest"] or 0) + 1


def named_versions(names: Iterable[str], user: Any) -> dict[str, DatasetVersion]:
    """The versions that recipes and rules call dataset@number, as far as they are there and the person may see them."""
    found: dict[str, DatasetVersion] = {}
    for name in names:
        key, _, number = name.partition("@")
        if not number.isdecimal():
            continue
        rows = DatasetVersion.objects.filter(dataset__key=key, number=int(number)).select_related("dataset__project")
        version = access.visible(rows, user).first()
        if version is not None and version.is_readable:
            found[name] = version
    return found


def newest_signed_off(dataset: Dataset) -> DatasetVersion | None:
    """The newest version of a dataset that was signed off, parts of splits aside."""
    rows = DatasetVersion.objects.filter(dataset=dataset, state=VersionState.SIGNED_OFF).exclude(origin="part")
    return rows.order_by("-number").first()
