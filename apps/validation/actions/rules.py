"""Writing the rules by which failures are weighed and validations done again."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Max

from apps.audit.actions import action, record
from apps.core.canonical import content_hash
from apps.core.errors import Invalid
from apps.validation import policies
from apps.validation.engine import judging
from apps.validation.models import JudgingRules


@action
def write_rules(*, content: Mapping[str, Any], reason: str, by: Any) -> JudgingRules:
    """Put a new version of the rules in force. Findings and revalidations that are there keep what they were given."""
    policies.check_write_template(by)
    if not reason.strip():
        raise Invalid("Say why the rules change.", {"reason": "Say why the rules change."})
    try:
        plain = judging.read(content).as_json()
    except judging.Unusable as error:
        raise Invalid(error.sentence, {error.place: error.sentence}) from None
    for old in JudgingRules.objects.select_for_update().filter(is_current=True):
        old.is_current = False
        old.save()
    newest = JudgingRules.objects.aggregate(newest=Max("version"))["newest"] or 0
    rules = JudgingRules(
        version=newest + 1, content=plain, content_hash=content_hash(plain), reason=reason.strip(), written_by=by
    )
    rules.save(force_insert=True)
    details = {"version": rules.version, "hash": rules.content_hash}
    record(by=by, action="rules.written", subject=rules, reason=rules.reason, details=details)
    return rules
