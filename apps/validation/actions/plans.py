"""Writing what will be asked, and locking it before any answer exists."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.canonical import content_hash
from apps.core.errors import Conflict, Invalid
from apps.validation import advisories, policies, setups, subjects
from apps.validation.models import PLAN_STATES, Plan, PlanCheck, PlanState, Template

Lines = Sequence[Mapping[str, Any]]


class Misfit(Invalid):
    """Checks that do not fit; `places` tells for each problem which check it is about, from 0."""

    def __init__(self, problems: Sequence[str], places: Sequence[int | None]) -> None:
        super().__init__("The checks of this plan do not fit.", {"lines": problems})
        self.places = list(places)


@action
def write_template(
    *, tier: str, kind: str, lines: Lines, reason: str, by: Any, setup: Mapping[str, Any] | None = None
) -> Template:
    """Put a new version of the checks in force that plans of this tier and kind begin with.

    Lines of fairness checks name no attributes: they are asked for every attribute that a plan names. `setup` is what
    else plans take from it (see setups); None leaves it as in the version before.
    """
    policies.check_write_template(by)
    _needed(reason, "Say why the template changes.")
    kept = template_lines(lines, kind, tier)
    same = Template.objects.filter(tier=tier, kind=kind)
    if setup is None:
        setup = next((old.setup for old in same.filter(is_current=True)), {})
    setup = setups.read(setup)
    for old in same.filter(is_current=True):
        old.is_current = False
        old.save()
    template = Template(
        tier=tier,
        kind=kind,
        version=(same.aggregate(newest=Max("version"))["newest"] or 0) + 1,
        lines=kept,
        setup=setup,
        content_hash=content_hash({"lines": kept, **setup}),
        reason=reason.strip(),
        written_by=by,
    )
    template.save(force_insert=True)
    record(
        by=by,
        action="template.written",
        subject=template,
        reason=template.reason,
        details={"hash": template.content_hash},
    )
    return template


@action
def write_plan(
    *,
    version: Any,
    by: Any,
    kind: str = "",
    lines: Lines | None = None,
    attributes: Sequence[str] | None = None,
    edges: Mapping[str, Sequence[float]] | None = None,
    favourable: str = "positive",
    time_column: str = "",
    series_column: str = "",
    horizon_column: str = "",
    group_column: str = "",
    test_data: Any = None,
    train_data: Any = None,
    reference_data: Any = None,
    stress_data: Any = None,
    slices: Any = None,
    evidence: Sequence[str] | None = None,
    seed: int | None = None,
    max_rows: int = 200_000,
    reason: str = "",
) -> Plan:
    """Write the plan for a version, as a draft: from the template of its tier and kind unless lines are given.

    The kind is what the version answers unless another is given that such answers can be taken for. Data are those of
    its training run unless others are given. Where lines come from a template, so do the columns, attributes, slices
    and evidence that are not given, as far as the data have them. A version has one plan in force; where there is one
    already, this is a new plan that replaces it, and needs a reason; it keeps the seed unless another is given.
    """
    policies.check_write_plan(by, version)
    locked = subjects.locked(version)
    kind = _kind(locked, kind)
    _check_data(
        version, test_data=test_data, train_data=train_data, reference_data=reference_data, stress_data=stress_data
    )
    earlier = list(Plan.objects.filter(version=locked).order_by("number"))
    if earlier:
        _needed(reason, "Say why there is a new plan.")
    for old in earlier:
        _replace(old, by, reason)
    plan = Plan(
        version=locked,
        number=len(earlier) + 1,
        tier=subjects.tier_of(locked),
        kind=kind,
        test_data=test_data or subjects.test_data(locked),
        train_data=train_data or subjects.train_data(locked),
        reference_data=reference_data,
        stress_data=stress_data,
        champion=subjects.champion_beside(locked),
        time_column=time_column,
        series_column=series_column,
        horizon_column=horizon_column,
        group_column=group_column,
        attributes=list(attributes or ()),
        slices=setups.read_slices(slices or []),
        evidence=setups.read_evidence(evidence or []),
        favourable=favourable,
        seed=_seed(earlier) if seed is None else seed,
        max_rows=max_rows,
        reason=reason.strip(),
        written_by=by,
    )
    if lines is None:
        plan.template = Template.objects.filter(tier=plan.tier, kind=plan.kind, is_current=True).first()
        given = {"attributes": attributes, "slices": slices, "evidence": evidence}
        setups.take(plan, plan.template.setup if plan.template else {}, given)
        lines = begin_with(plan, edges or {})
    read = read_lines(lines, plan.kind, plan.tier, subjects.kind_of(locked))
    setups.check_columns(plan, read)
    plan.save(force_insert=True)
    _write_lines(plan, read)
    details = {"checks": len(lines), "test_data": plan.test_data.sha256, "template": str(plan.template or "built in")}
    record(by=by, action="plan.written", subject=plan, reason=plan.reason, details=details)
    return plan


@action
def change_plan(*, plan: Plan, lines: Lines, by: Any) -> Plan:
    """Exchange the checks of a draft."""
    policies.check_change_plan(by, plan)
    read = read_lines(lines, plan.kind, plan.tier, subjects.kind_of(plan.version))
    setups.check_columns(plan, read)
    before = {line.name: line.as_line() for line in plan.checks.all()}
    for line in plan.checks.all():
        line.delete()
    _write_lines(plan, read)
    after = {line["name"]: line for line in read}
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    record(
        by=by,
        action="plan.changed",
        subject=plan,
        details={
            "before": {name: before.get(name) for name in changed},
            "after": {name: after.get(name) for name in changed},
        },
    )
    return plan


@action
def lock_plan(*, plan: Plan, by: Any) -> Plan:
    """Fix a plan: from now on neither its lines nor its data change, and its hash binds every result to it."""
    locked = Plan.objects.select_for_update(of=("self",)).get(pk=plan.pk)
    policies.check_lock_plan(by, locked)
    locked.content_hash = content_hash(plan_content(locked))
    PLAN_STATES.move(locked, PlanState.LOCKED)
    locked.locked_by, locked.locked_at = by, timezone.now()
    locked.save()
    record(by=by, action="plan.locked", subject=locked, details={"hash": locked.content_hash})
    return locked


def _seed(earlier: Sequence[Plan]) -> int:
    """That of the plan it replaces, so that what is asked again is asked of the same rows; else any."""
    return earlier[-1].seed if earlier else secrets.randbelow(2**31)


def plan_content(plan: Plan) -> dict[str, Any]:
    """What the plan's hash is over: the version's and the data's bytes, every line, the seed."""
    champion = plan.champion
    optional = {
        "reference_data": plan.reference_data and plan.reference_data.sha256,
        "stress_data": plan.stress_data and plan.stress_data.sha256,
        **{f"{role}_column": plan.columns.get(role) for role in ("series", "horizon", "group")},
        "slices": plan.slices,
        "evidence": plan.evidence,
    }
    return {
        # What a plan does not name is left out, so that plans from before it could be named keep their hash.
        **{name: value for name, value in optional.items() if value},
        "artifact": plan.version.artifact.sha256,
        "signature": plan.version.signature,
        "test_data": plan.test_data.sha256,
        "train_data": plan.train_data.sha256 if plan.train_data else None,
        "champion": champion.artifact.sha256 if champion else None,
        "time_column": plan.time_column,
        "attributes": plan.attributes,
        "favourable": plan.favourable,
        "seed": plan.seed,
        "max_rows": plan.max_rows,
        "tier": plan.tier,
        "kind": plan.kind,
        "lines": [line.as_line() for line in plan.checks.order_by("order")],
    }


def check_unchanged(plan: Plan) -> None:
    """Raise where the bytes or lines are no longer those that the plan was locked for."""
    if content_hash(plan_content(plan)) != plan.content_hash:
        raise Conflict("What this plan was locked for has changed. Write a new plan, with the reason.")


def read_lines(lines: object, kind: str, tier: str, answer: str = "") -> list[dict[str, Any]]:
    """The lines of a plan, checked against the registry; Invalid with every problem.

    A line without thresholds has the check's own for the tier.
    `answer` is what the model answers; without one the lines are those of a template for any model of the kind.
    """
    from apps.validation.engine.base import Kind
    from apps.validation.engine.plans import PlanError, read_items

    try:
        answers = Kind(answer) if answer else None
        return [item.as_json() for item in read_items(lines, Kind(kind), answer=answers, tier=tier)]
    except PlanError as error:
        raise Misfit(error.problems, error.places) from None


def begin_with(plan: Plan, edges: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """The lines a plan begins with: the tenant's template, or the built-in one."""
    from apps.validation.engine.base import Kind
    from apps.validation.engine.plans import Subject, expand, template

    subject = Subject(
        tier=plan.tier,
        kind=Kind(plan.kind),
        attributes=plan.attributes,
        favourable=plan.favourable,
        there=_there(plan),
        edges=edges,
        answer=Kind(subjects.kind_of(plan.version)),
    )
    if plan.template is not None:
        return [item.as_json() for item in expand(plan.template.lines, subject)]
    return [item.as_json() for item in template(subject)]


def _there(plan: Plan) -> frozenset[Any]:
    """What the checks of a plan may count on."""
    from apps.validation.engine.base import Need
    from apps.validation.engine.plans import ALWAYS_THERE

    training = subjects.training(plan.version, plan.train_data, plan.max_rows)
    given = {
        Need.TRAIN: plan.train_data is not None,
        Need.CHAMPION: plan.champion is not None,
        Need.TIME: bool(plan.time_column),
        Need.ADVISORIES: advisories.is_configured(),
        Need.CONVERSION: subjects.conversion(plan.version) is not None,
        Need.RECIPE: training is not None,
        Need.ORIGINAL: training is not None and training["is_whole"],
        Need.GROUP: bool(plan.group_column),
        Need.REFERENCE: plan.reference_data is not None,
        Need.STRESS: plan.stress_data is not None,
        Need.SLICES: bool(plan.slices),
    }
    return ALWAYS_THERE | {need for need, is_there in given.items() if is_there}


def built_in_lines(tier: str, kind: str) -> list[dict[str, Any]]:
    """The lines of the built-in template, as a tenant's template has them."""
    from apps.validation.engine.base import Kind, Need
    from apps.validation.engine.plans import Subject, template

    subject = Subject(tier, Kind(kind), ["*"], there=frozenset(Need))
    return [_without_attributes(item.as_json()) for item in template(subject)]


def template_lines(lines: Lines, kind: str, tier: str) -> list[dict[str, Any]]:
    """The lines of a template as they are kept, checked; Invalid with every problem."""
    return [_without_attributes(line) for line in read_lines(_with_any_attribute(lines), kind, tier)]


def _kind(version: Any, kind: str) -> str:
    """The kind of plan that is wanted, if answers like this version's can be taken for it."""
    from apps.validation.engine.base import USES, Kind

    answer = subjects.kind_of(version)
    if kind and (kind not in set(Kind) or Kind(answer) not in USES[Kind(kind)]):
        raise Invalid(
            f"{version} answers {answer}: it cannot be planned as {kind}.",
            {"kind": f"A model that answers {answer} cannot be planned as {kind}."},
        )
    return kind or answer


def _with_any_attribute(lines: Lines) -> list[dict[str, Any]]:
    from apps.validation.engine.registry import registry

    named = []
    for line in lines:
        line = dict(line)
        try:
            takes = "attributes" in registry().get(str(line.get("key"))).parameters
        except KeyError:
            takes = False
        if takes:
            line["parameters"] = {**(line.get("parameters") or {}), "attributes": ["*"]}
        named.append(line)
    return named


def _without_attributes(line: dict[str, Any]) -> dict[str, Any]:
    parameters = {name: value for name, value in line["parameters"].items() if name != "attributes"}
    return {**line, "name": line["name"].removesuffix(":*"), "parameters": parameters}


def _write_lines(plan: Plan, lines: Lines) -> None:
    from apps.validation.engine.registry import registry

    for order, line in enumerate(lines, start=1):
        family = registry().get(line["key"]).family.value
        PlanCheck(plan=plan, order=order, family=family, **line).save(force_insert=True)


def _replace(old: Plan, by: Any, reason: str) -> None:
    if old.state == PlanState.REPLACED:
        return
    PLAN_STATES.move(old, PlanState.REPLACED)
    old.save()
    record(by=by, action="plan.replaced", subject=old, reason=reason)


def _check_data(version: Any, **data: Any) -> None:
    """Data of another project are none of this one's."""
    project_id = version.model.project_id
    for field, one in data.items():
        if one is not None and one.dataset.project_id != project_id:
            raise Invalid("Choose data of the same project.", {field: "Choose data of the same project."})


def _needed(reason: str, sentence: str) -> None:
    if not reason.strip():
        raise Invalid(sentence, {"reason": sentence})
