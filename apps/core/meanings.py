"""What a state means to the reader: one of four meanings, each with its own sign so that colour is never needed.

A word that is not listed is neutral. An object may say it better itself with a `state_meaning` property.
"""

from __future__ import annotations

GOOD, ATTENTION, WRONG, NEUTRAL = "good", "attention", "wrong", "neutral"

_WORDS = {
    GOOD: (
        "accepted acknowledged active approved available better clean complete completed confirmed current delivered "
        "deployed done enabled fit fixed fulfilled granted green healthy intact kept live met ok online pass "
        "passed promoted quiet ready released resolved satisfied sent serving settled signed signed_off stable "
        "succeeded success valid validated verified yes"
    ),
    ATTENTION: (
        "amber at_risk attention awaiting changes_requested conditions degraded deprecated draining due due_soon "
        "escalated expiring in_review inconclusive investigating late medium near needs_attention open paused "
        "pending quarantined ready_for_retest reopened requested retest review silent snoozed stalled submitted "
        "too_small unstable unverified waiting waived warn warned warning"
    ),
    WRONG: (
        "aborted alert bad breached broken corrupt critical dead declined denied down drift drifted error errored "
        "expired fail failed failure high invalid lost major missed not_met not_run offline overdue prohibited "
        "red refused rejected revoked severe tampered unfit unhealthy violated worse wrong"
    ),
    NEUTRAL: (
        "archived canceled cancelled candidate closed created disabled dismissed draft dropped ended finished "
        "idle in_progress inactive info limited locked low minor new no none not_applicable nothing_to_ask "
        "not_enough off on_hold planned planning processing profiled profiling queued received recorded "
        "referenced registered replaced retired rolled_back running scheduled skipped started stopped superseded "
        "training unknown uploaded validating withdrawn"
    ),
}
MEANING_OF = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}

_WAITING = frozenset(
    {"queued", "scheduled", "planned", "waiting", "pending", "awaiting", "submitted", "requested", "paused"}
)
_RUNNING = frozenset(
    {
        "running",
        "in_progress",
        "processing",
        "profiling",
        "training",
        "validating",
        "started",
        "draining",
        "investigating",
    }
)


def word_of(state: object) -> str:
    """The stored word of a state, whether it comes as a choice or as text."""
    return str(getattr(state, "value", state))


def meaning_of(state: object) -> str:
    """Good, attention, wrong or neutral, for a state's stored word."""
    return MEANING_OF.get(word_of(state).lower(), NEUTRAL)


def icon_of(state: object, meaning: str) -> str:
    """The sign of a badge: a clock for what waits, a turning mark for what runs, otherwise the meaning's own."""
    word = word_of(state).lower()
    if meaning in (NEUTRAL, ATTENTION) and word in _WAITING:
        return "clock"
    if meaning in (NEUTRAL, ATTENTION) and word in _RUNNING:
        return "running"
    return meaning


def words_of(state: object) -> str:
    """A stored word as people write it: `changes_requested` becomes "Changes requested"."""
    label = getattr(state, "label", None)
    text = str(label if label is not None else word_of(state)).replace("_", " ").strip()
    return text[:1].upper() + text[1:]
