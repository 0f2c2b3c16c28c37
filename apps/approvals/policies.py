"""Who may ask, sign, withdraw, delegate. Each `check_x` raises with a sentence."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.approvals.kinds import Independence
from apps.approvals.models import Conflict, Delegation, PolicyStep, Request, Signature
from apps.core.errors import IllegalMove, Refused
from apps.organizations import access
from apps.organizations.models import User
from apps.organizations.roles import Permission


def current_step(request: Request) -> PolicyStep:
    """The step that is waited for."""
    return next(step for step in request.policy.steps.all() if step.order == request.step)


def absent_people(user: Any) -> list[User]:
    """The people for whom this person signs now."""
    now = timezone.now()
    found = Delegation.objects.filter(substitute=user, revoked_at=None, starts_at__lte=now, ends_at__gt=now)
    return [delegation.absent for delegation in found.select_related("absent")]


def acting_for(request: Request, user: Any) -> User | None:
    """The person in whose role `user` may decide the current step: themselves, or somebody away; None for neither."""
    role = current_step(request).role
    return next(
        (person for person in (user, *absent_people(user)) if role in access.roles(person, request.scope_id)), None
    )


def check_sign(user: Any, request: Request) -> None:
    """The person may decide the current step of the open request: role, independence, not twice."""
    access.check(user, Permission.VIEW, request)
    if not request.is_open:
        raise IllegalMove(f"“{request}” is {request.get_state_display().lower()}; there is nothing left to sign.")
    acting = acting_for(request, user)
    if acting is None:
        role = current_step(request).role.replace("_", " ")
        raise Refused(f"This step waits for somebody with the role {role}; you do not hold it here.")
    if not access.can(user, Permission.APPROVE, request):
        raise Refused("You may not sign here: your role or token does not include approving.")
    _check_independent(request, user)
    if acting != user:
        _check_independent(request, acting)
    people = {user.pk, acting.pk}
    if (
        Signature.objects.filter(request=request, step=request.step)
        .filter(Q(user_id__in=people) | Q(on_behalf_of_id__in=people))
        .exists()
    ):
        raise Refused("You, or the person you stand in for, have already decided on this step.")


def can_sign(user: Any, request: Request) -> bool:
    """Whether check_sign passes."""
    try:
        check_sign(user, request)
    except (Refused, IllegalMove):
        return False
    return True


def _check_independent(request: Request, user: Any) -> None:
    if request.policy.independence == Independence.NONE:
        return
    conflicts = list(Conflict.objects.filter(request=request).select_related("user"))
    for conflict in conflicts:
        if conflict.user_id == user.pk:
            raise Refused(f"{user} cannot sign this: {conflict.why}. Somebody else has to.")
        if request.policy.independence == Independence.TEAM and access.share_team(user, conflict.user):
            raise Refused(
                f"{user} cannot sign this: the policy asks for another team than that of {conflict.user}, "
                f"of whom is said: {conflict.why}."
            )


def check_withdraw(user: Any, request: Request) -> None:
    """Who asked may take it back while it is open."""
    access.check(user, Permission.VIEW, request)
    if not request.is_open:
        raise IllegalMove(f"“{request}” is {request.get_state_display().lower()} and cannot be withdrawn.")
    if request.requested_by_id != user.pk:
        raise Refused(f"Only {request.requested_by}, who asked, can withdraw this.")


def check_write_policy(user: Any) -> None:
    """Owners and administrators write policies."""
    access.check(user, Permission.ADMINISTER)


def check_delegate(user: Any, absent: Any) -> None:
    """One delegates for oneself; administrators may for somebody who fell ill."""
    if user.pk != absent.pk:
        access.check(user, Permission.ADMINISTER)


def waiting_for(user: Any) -> QuerySet[Request]:
    """My queue: the open requests whose current step this person, or somebody they stand in for, may decide now."""
    people = [user, *absent_people(user)]
    reachable = Request.objects.none()
    for person in people:
        reachable = reachable | _in_role_of(person)
    mine = Conflict.objects.filter(request=OuterRef("pk"), user__in=people)
    decided = Signature.objects.filter(request=OuterRef("pk"), step=OuterRef("step")).filter(
        Q(user__in=people) | Q(on_behalf_of__in=people)
    )
    conflicted = Exists(mine) & ~Q(policy__independence=Independence.NONE)
    return (
        Request.objects.filter(pk__in=reachable.values("pk"), state="open")
        .exclude(conflicted)
        .exclude(Exists(decided))
        .order_by("due_at")
    )


def _in_role_of(user: Any) -> QuerySet[Request]:
    from apps.organizations.models import Membership, RoleAssignment

    step = PolicyStep.objects.filter(policy=OuterRef("policy"), order=OuterRef("step"))
    in_organization = step.filter(role__in=Membership.objects.filter(user=user, is_active=True).values("role"))
    held = RoleAssignment.objects.filter(
        Q(user=user) | Q(team__memberships__user=user), scope=OuterRef(OuterRef("scope")), role=OuterRef("role")
    )
    return Request.objects.filter(Exists(in_organization) | Exists(step.filter(Exists(held))))
