"""What validation hears: decisions on waivers, evidence asked for, and that an organization begins."""

import datetime as dt
from typing import Any

from django.db.models import Q
from django.dispatch import receiver
from django.urls import reverse

from apps.approvals import actions as approvals
from apps.approvals.kinds import STATEMENTS, Kind
from apps.approvals.models import Request
from apps.approvals.signals import decided, signing
from apps.core.errors import Refused
from apps.core.pages import Action, Told
from apps.datasets.signals import withdrawn
from apps.models.signals import gathering_evidence, showing, state_changed
from apps.organizations.signals import organization_created
from apps.projects.signals import approved, changed
from apps.validation import actions, policies, subjects
from apps.validation.models import (
    AskedSignature,
    Deferral,
    Outcome,
    Plan,
    Revalidation,
    RunState,
    Trigger,
    ValidationRun,
    Waiver,
)
from apps.work import schedules


@receiver(decided)
def conclude_waiver(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Take over the decision on a waiver."""
    if request.kind == Kind.WAIVER and Waiver.objects.filter(request=request).exists():
        actions.conclude_waiver(request=request, by=by)


@receiver(signing)
def hold_against_the_finding(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Nobody signs a waiver of something that has changed."""
    waiver = Waiver.objects.filter(request=request).first() if request.kind == Kind.WAIVER else None
    if waiver is not None:
        actions.invalidate_waivers_if_changed(finding=waiver.finding, by=by)


@receiver(decided)
def conclude_deferral(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Take over the decision on a deferral."""
    if request.kind == Kind.DEFERRAL and Deferral.objects.filter(request=request).exists():
        actions.conclude_deferral(request=request, by=by)


@receiver(signing)
def hold_against_the_revalidation(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Nobody signs a deferral of what has been settled or moved meanwhile."""
    rows = Deferral.objects.select_related("revalidation__version__artifact", "revalidation__version__model")
    deferral = rows.filter(request=request).first() if request.kind == Kind.DEFERRAL else None
    if deferral is not None:
        snapshot = actions.deferral_snapshot(deferral)
        approvals.invalidate_if_changed(request=request, snapshot=snapshot, by=by)


@receiver(signing)
def hold_against_the_version(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Nobody signs a statement about what has changed meanwhile."""
    rows = AskedSignature.objects.select_related("request", "version__artifact", "version__model__project")
    asked = rows.filter(request=request).first() if request.kind in STATEMENTS.values() else None
    if asked is not None:
        actions.invalidate_if_otherwise(asked=asked, by=by)


@receiver(withdrawn)
def revalidate_for_data(sender: Any, version: Any, by: Any, **_: Any) -> None:
    """Data that were found fit and are no longer: what was trained or tested on them is looked at again."""
    tested = Plan.objects.filter(test_data=version, runs__outcome__in=[Outcome.VALIDATED, Outcome.CONDITIONS])
    on_it = Q(dataset_version=version) | Q(run__dataset_version=version) | Q(pk__in=tested.values("version"))
    for found in _standing(subjects.in_use().filter(on_it)):
        actions.trigger_revalidation(
            version=found,
            trigger=Trigger.DATA,
            reason=f"{version} is no longer signed off as fit.",
            source=version.get_absolute_url(),
            by=by,
        )


@receiver([approved, changed])
def revalidate_for_purpose(sender: Any, project: Any, by: Any, **_: Any) -> None:
    """The project is for something else than when its versions in use were validated."""
    for found in _standing(subjects.in_use().filter(model__project=project)):
        run = subjects.concluded_run(found)
        changed = subjects.changed_purpose(project, run.concluded_at) if run is not None else []
        if changed:
            actions.trigger_revalidation(
                version=found,
                trigger=Trigger.PURPOSE,
                reason=f"Since it was validated these parts of its charter changed: {', '.join(changed)}.",
                source=project.get_absolute_url(),
                by=by,
            )


@receiver(state_changed)
def let_lapse(sender: Any, version: Any, by: Any, **_: Any) -> None:
    """What is rejected or archived is not validated again."""
    if version.state in policies.UNUSABLE_STATES:
        actions.lapse_revalidations(version=version, by=by)


def _standing(versions: Any) -> list[Any]:
    return list(versions.select_related("model__project", "model__organization", "organization").distinct())


@receiver(organization_created)
def begin(sender: Any, organization: Any, by: Any, **_: Any) -> None:
    """Plan the daily look at waivers that run out and findings that are overdue."""
    schedules.plan(
        name="End waivers that run out, remind of overdue findings",
        task="validation.follow_up",
        subject_id=organization.pk,
        every=dt.timedelta(days=1),
    )


@receiver(showing)
def tell_conditions(sender: Any, version: Any, told: list[Told], **_: Any) -> None:
    """The version's page says under which conditions it may be used, and by when it is validated again."""
    conditions = subjects.conditions_in_force(version)
    if conditions:
        words = [condition.words for condition in conditions]
        told.append(Told("It may be used under these conditions", words, conditions[0].run.get_absolute_url()))
    for one in Revalidation.objects.due().filter(version=version).select_related("organization"):
        late = "It was to be validated again by" if one.is_overdue else "It is validated again by"
        said = f"{late} {one.due_on:%-d %B %Y}{', after a deferral' if one.is_deferred else ''}"
        meaning = "wrong" if one.is_overdue else "attention"
        told.append(Told(said, [one.reason], one.get_absolute_url(), meaning))


@receiver(showing)
def offer_comparison(sender: Any, version: Any, actions: list[Action], **_: Any) -> None:
    """From the version's page one of its runs is put beside another, of this version or of any other."""
    newest = ValidationRun.objects.filter(version=version, state=RunState.FINISHED).order_by("-number").first()
    if newest is not None:
        compare = reverse("validation:compare", args=[version.organization.key])
        actions.append(Action("Compare validations", f"{compare}?first={newest.pk}", method="get"))


@receiver(gathering_evidence)
def add_validation(sender: Any, version: Any, by: Any, evidence: dict, conflicts: dict, **_: Any) -> None:
    """What an approval of a version covers from here; refused while a finding stands against it."""
    against = list(policies.blocking_findings(version)[:5])
    if against:
        names = ", ".join(str(finding) for finding in against)
        raise Refused(f"Findings stand against {version}: {names}. They are closed or waived first.")
    if held_up := policies.held_up_by(version):
        raise Refused(f"{version} waits for its revalidation. {held_up}")
    evidence["validation"] = subjects.evidence_of(version)
