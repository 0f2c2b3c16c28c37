"""Who may bring, prepare, test, divide and sign off data, and what has to be there first. Each `check_x` raises."""

from typing import Any

from django.utils import timezone

from apps.core.errors import Conflict, IllegalMove, Refused
from apps.datasets.models import (
    VERSION_STATES,
    Classification,
    Dataset,
    DatasetVersion,
    DataSource,
    QualityCheck,
    QualityRule,
    VersionState,
)
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.projects.models import PersonalData, Project, ProjectState
from apps.projects.policies import check_not_prohibited, require_approved

SENSITIVE = {Classification.CONFIDENTIAL, Classification.RESTRICTED}
WORKS_WITH_ROWS = (Permission.PREPARE_DATA, Permission.TRAIN, Permission.VALIDATE, Permission.AUDIT)


def check_prepare_any(user: Any) -> None:
    """There is a project to bring data into."""
    access.check_somewhere(user, Permission.PREPARE_DATA)


def check_register_source(user: Any, project: Project) -> None:
    """Data scientists name where data come from, while the project is open and not prohibited."""
    access.check(user, Permission.PREPARE_DATA, project)
    check_not_prohibited(project)
    if project.state in {ProjectState.REJECTED, ProjectState.RETIRED}:
        raise Refused(f"“{project}” is {project.get_state_display().lower()}; nothing is added to it.")


def check_change_source(user: Any, source: DataSource) -> None:
    """Kept by who prepares data."""
    access.check(user, Permission.PREPARE_DATA, source)


def check_create_dataset(user: Any, project: Project) -> None:
    """As for sources."""
    check_register_source(user, project)


def check_change_dataset(user: Any, dataset: Dataset) -> None:
    """Name and description are kept by who prepares data."""
    access.check(user, Permission.PREPARE_DATA, dataset)


def check_add_version(user: Any, dataset: Dataset) -> None:
    """Rows come in once the project is approved, from a source that is open and may still be kept."""
    access.check(user, Permission.PREPARE_DATA, dataset)
    require_approved(dataset.project)
    source = dataset.source
    if source is None:
        return
    if not source.is_active:
        raise Refused(f"The source “{source}” is closed. Open it again, or choose another for “{dataset}”.")
    if source.retain_until is not None and source.retain_until < timezone.localdate():
        raise Refused(
            f"Data of “{source}” may be kept until {source.retain_until:%-d %B %Y} only. Change its retention first."
        )


def check_read_again(user: Any, version: DatasetVersion) -> None:
    """With other options, after it could not be read."""
    access.check(user, Permission.PREPARE_DATA, version)
    VERSION_STATES.check(version, VersionState.DRAFT)


def require_readable(version: DatasetVersion) -> None:
    """There are rows to use."""
    if not version.is_readable:
        raise IllegalMove(
            f"“{version}” is {version.get_state_display().lower()}; there are no rows to use.",
            VERSION_STATES.next(version.state),
        )


def check_prepare_from(user: Any, version: DatasetVersion) -> None:
    """From rows that are there."""
    access.check(user, Permission.PREPARE_DATA, version)
    require_readable(version)


def check_prepare(user: Any, version: DatasetVersion, into: Dataset) -> None:
    """From rows that are there, into a dataset one prepares too."""
    check_prepare_from(user, version)
    check_add_version(user, into)


def check_write_rules(user: Any, dataset: Dataset) -> None:
    """What versions must meet is written by who prepares data."""
    access.check(user, Permission.PREPARE_DATA, dataset)


def check_end_rule(user: Any, rule: QualityRule) -> None:
    """As for writing them."""
    check_write_rules(user, rule.dataset)


def check_measure_quality(user: Any, version: DatasetVersion) -> None:
    """When there are rows and rules; validators may repeat it."""
    if not access.can(user, Permission.VALIDATE, version):
        access.check(user, Permission.PREPARE_DATA, version)
    require_readable(version)
    if not QualityRule.objects.filter(dataset=version.dataset, is_active=True).exists():
        raise Refused(f"“{version.dataset}” has no quality rules yet. Write one first.")


def check_split(user: Any, version: DatasetVersion) -> None:
    """A whole version with rows."""
    access.check(user, Permission.PREPARE_DATA, version)
    require_readable(version)
    if version.is_part:
        raise Refused(f"“{version}” is a part of a split already. Divide the version that it comes from.")


def newest_check(version: DatasetVersion) -> QualityCheck | None:
    """The last measuring of the rules."""
    return version.checks.order_by("-id").first()


def require_quality(version: DatasetVersion) -> None:
    """Every active rule was measured, and none that must hold is broken."""
    rules = set(QualityRule.objects.filter(dataset=version.dataset, is_active=True).values_list("pk", flat=True))
    if not rules:
        return
    check = newest_check(version)
    measured = set(check.results.values_list("rule_id", flat=True)) if check is not None else set()
    if check is None or rules - measured:
        raise Refused(f"Not all quality rules of “{version.dataset}” were measured on it. Check its quality first.")
    broken = [result for result in check.results.select_related("rule") if result.verdict == "failed"]
    broken = [result for result in broken if result.rule_id in rules]
    if broken:
        raise Refused(f"It breaks a rule that must hold: {broken[0].rule.sentence}. {broken[0].finding}")


def check_request_sign_off(user: Any, version: DatasetVersion) -> None:
    """Asked for a profiled version whose quality is known, one request at a time."""
    access.check(user, Permission.SIGN_OFF_DATA, version)
    require_approved(version.dataset.project)
    if version.is_part:
        raise Refused(f"“{version}” is a part of a split; it is signed off with the version that was divided.")
    if version.is_signed_off:
        raise Conflict(f"“{version}” is signed off already.")
    if version.is_waiting:
        raise Conflict(f"“{version}” waits for signatures already.")
    VERSION_STATES.check(version, VersionState.SIGNED_OFF)
    require_quality(version)


def check_reject(user: Any, version: DatasetVersion) -> None:
    """Taken out of use by who asks for sign-offs or signs them."""
    if not access.can(user, Permission.APPROVE, version):
        access.check(user, Permission.SIGN_OFF_DATA, version)
    if version.is_part:
        raise Refused(f"“{version}” is a part of a split; reject the version that was divided.")
    if version.is_waiting:
        raise Conflict(f"“{version}” waits for signatures. Withdraw the request, or have it declined.")
    VERSION_STATES.check(version, VersionState.REJECTED)


def is_sensitive(version: DatasetVersion) -> bool:
    """Whether its rows are more than the project's readers need to see."""
    source = version.source
    return source is not None and (source.classification in SENSITIVE or source.personal_data != PersonalData.NONE)


def check_see_rows(user: Any, version: DatasetVersion) -> None:
    """Rows of sensitive sources are for those who work with them, and for auditors."""
    access.check(user, Permission.VIEW, version)
    if not is_sensitive(version) or any(access.can(user, permission, version) for permission in WORKS_WITH_ROWS):
        return
    raise Refused(
        f"The rows of “{version}” are sensitive. They are open to those who prepare, train, validate or audit here."
    )


def can_see_rows(user: Any, version: DatasetVersion) -> bool:
    """Whether check_see_rows passes."""
    try:
        check_see_rows(user, version)
    except Refused:
        return False
    return True
