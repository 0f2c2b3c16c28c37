"""Latencies of calls as counts in slices, so that minutes add up to hours and quantiles can still be told."""

from collections.abc import Iterable, Sequence

# Upper ends in seconds; calls above the last one fall into one more slice.
ENDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def no_calls() -> list[int]:
    """Every slice empty."""
    return [0] * (len(ENDS) + 1)


def slice_of(seconds: float) -> int:
    """The slice a latency falls into; a latency equal to an end belongs below it."""
    return next((position for position, end in enumerate(ENDS) if seconds <= end), len(ENDS))


def add(totals: Sequence[int], more: Iterable[int]) -> list[int]:
    """Two counts together."""
    return [one + other for one, other in zip(totals, more, strict=True)]


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The latency in seconds that `share` of the calls stayed below, interpolated in its slice; None without calls.

    In the open last slice it is that slice's beginning: "at least so much".
    """
    total = sum(counts)
    if not total:
        return None
    wanted, below = share * total, 0
    for position, count in enumerate(counts):
        if count and below + count >= wanted:
            start = ENDS[position - 1] if position else 0.0
            if position == len(ENDS):
                return start
            return start + (ENDS[position] - start) * (wanted - below) / count
        below += count
    return ENDS[-1]
