"""Baselines as a worker holds them: read and decoded once. They never change, and every check and every part of rows
needs one.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from apps.core import binary
from apps.core.tenancy import current
from apps.monitoring.models import Baseline

if TYPE_CHECKING:
    from apps.monitoring.engine.baseline import Baseline as Known

COLUMNS = 2_000  # of all that are held: about 20 kB each
_held: "OrderedDict[tuple[UUID, UUID], Known]" = OrderedDict()


def baselines(keys: Iterable[UUID]) -> "dict[UUID, Known]":
    """Baselines by their keys; one query for those that are not held. One that is not the tenant's is left out."""
    from apps.monitoring.engine.baseline import decode_baseline

    wanted, tenant = set(keys), current()
    found = {key: _held[tenant, key] for key in wanted if (tenant, key) in _held}
    missing = wanted - found.keys()
    rows = binary.values(Baseline.objects.filter(pk__in=missing), "pk", "data") if missing else []
    found |= {key: decode_baseline(data) for key, data in rows}
    for key, known in found.items():
        _held[tenant, key] = known
        _held.move_to_end((tenant, key))
    _let_go()
    return found


def baseline(key: UUID) -> "Known":
    """One of them; Baseline.DoesNotExist where there is none."""
    found = baselines([key])
    if key not in found:
        raise Baseline.DoesNotExist
    return found[key]


def _let_go() -> None:
    """Drop what was not asked for the longest until the others fit."""
    size = sum(known.bins.shape.extremes for known in _held.values())
    while size > COLUMNS:
        _, known = _held.popitem(last=False)
        size -= known.bins.shape.extremes
