"""What plans take from their template beside its checks, and whether the data have the columns that a plan names.

`columns` by role, `attributes` and `slices` are taken as far as the test data have the columns, `evidence` always.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apps.core.errors import Invalid
from apps.validation import required_evidence, subjects
from apps.validation.models import Plan
from apps.validation.models.plans import COLUMN_ROLES

MOST_ATTRIBUTES = 20
NEEDED = {"forecast": ("time", "A forecast needs the column that says when a row is."),
          "ranking": ("group", "A ranking needs the column that says which list a row belongs to.")}  # fmt: skip

read_evidence = required_evidence.read


def read_slices(given: Any) -> list[dict[str, str]]:
    """Slices as they are kept; Invalid with all that is wrong."""
    from apps.validation.engine.filters import FilterError
    from apps.validation.engine.filters import read_slices as read

    try:
        return read(given)
    except FilterError as error:
        raise Invalid("The slices cannot be read.", {"slices": str(error)}) from None


def read(given: Mapping[str, Any]) -> dict[str, Any]:
    """A template's setup as it is kept, empty parts left out; Invalid with what is wrong."""
    unknown = sorted(set(given) - {"columns", "attributes", "slices", "evidence"})
    if unknown:
        raise Invalid("The template cannot be read.", {"setup": f"There is no part {', '.join(unknown)}."})
    columns = {role: name for role, name in (given.get("columns") or {}).items() if name}
    if odd := sorted(set(columns) - set(COLUMN_ROLES)):
        raise Invalid("The template cannot be read.", {"columns": f"There is no role {', '.join(odd)}."})
    attributes = list(dict.fromkeys(given.get("attributes") or []))
    if len(attributes) > MOST_ATTRIBUTES:
        raise Invalid("The template cannot be read.", {"attributes": f"At most {MOST_ATTRIBUTES} attributes."})
    found = {
        "columns": columns,
        "attributes": attributes,
        "slices": read_slices(given.get("slices") or []),
        "evidence": read_evidence(given.get("evidence") or []),
    }
    return {name: part for name, part in found.items() if part}


def take(plan: Plan, setup: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Give the plan what its template has and nobody gave, as far as the test data have the columns."""
    known = set(subjects.column_names(plan.test_data))
    for role, column in setup.get("columns", {}).items():
        if not getattr(plan, f"{role}_column") and column in known:
            setattr(plan, f"{role}_column", column)
    if given["attributes"] is None:
        plan.attributes = [name for name in setup.get("attributes", []) if name in known]
    if given["slices"] is None:
        plan.slices = [one for one in setup.get("slices", []) if set(columns_of(one["where"])) <= known]
    if given["evidence"] is None:
        plan.evidence = list(setup.get("evidence", []))


def columns_of(where: str) -> list[str]:
    """The columns of a slice."""
    from apps.validation.engine.filters import read_filter

    return list(read_filter(where).columns())


def check_columns(plan: Plan, lines: Sequence[Mapping[str, Any]]) -> None:
    """What a plan names are columns of the test data, and what its kind cannot do without is named."""
    known = set(subjects.column_names(plan.test_data))
    for field, names in _named(plan, lines):
        if unknown := [name for name in dict.fromkeys(names) if name not in known]:
            sentence = f"The test data have no column {', '.join(unknown)}."
            raise Invalid(sentence, {field: sentence})
    role, sentence = NEEDED.get(plan.kind, ("", ""))
    if role and not getattr(plan, f"{role}_column"):
        raise Invalid(sentence, {f"{role}_column": sentence})


def _named(plan: Plan, lines: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, Iterable[str]]]:
    from apps.validation.engine.registry import registry

    yield from ((f"{role}_column", [column]) for role, column in plan.columns.items())
    yield "attributes", plan.attributes
    yield "slices", [column for one in plan.slices for column in columns_of(one["where"])]
    for line in lines:
        reads = registry().get(line["key"]).reads
        yield "lines", [str(line["parameters"][name]) for name in reads if line["parameters"].get(name)]
