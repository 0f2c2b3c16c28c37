"""The risk matrix: likelihood by impact, the cells shaded by level, each with the numbers of the risks in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.core.charts import svg
from apps.core.charts.figure import Chart, Key, Table

MEDIUM, HIGH = 5, 10  # likelihood times impact from which a risk needs attention, and from which it is high
LIKELIHOODS = {5: "Almost certain", 4: "Likely", 3: "Possible", 2: "Unlikely", 1: "Rare"}
IMPACTS = {1: "Negligible", 2: "Minor", 3: "Moderate", 4: "Major", 5: "Severe"}

_WIDTH, _LEFT, _TOP, _ROW = 560.0, 108.0, 6.0, 40.0
_STEP = (_WIDTH - _LEFT - 4) / 5


@dataclass(frozen=True)
class Placed:
    """A risk at its place in the matrix."""

    number: int
    title: str
    likelihood: int
    impact: int

    @property
    def level(self) -> int:
        """Likelihood times impact, 1 to 25."""
        return self.likelihood * self.impact


def meaning(level: int | None) -> str:
    """Good, attention or wrong, for a level; neutral when it is not known."""
    if level is None:
        return "neutral"
    return "good" if level < MEDIUM else "attention" if level < HIGH else "wrong"


def matrix(title: str, risks: Sequence[Placed], note: str = "") -> Chart:
    """The matrix of some risks, with the table that lists them by level."""
    ordered = sorted(risks, key=lambda risk: (-risk.level, risk.number))
    high = [risk for risk in risks if risk.level >= HIGH]
    description = (
        f"{len(risks)} risks, {len(high)} of them high: {', '.join(f'R{risk.number}' for risk in high) or 'none'}."
    )
    rows = [
        [f"R{risk.number} {risk.title}", LIKELIHOODS[risk.likelihood], IMPACTS[risk.impact], str(risk.level)]
        for risk in ordered
    ]
    return Chart(
        title=title,
        svg=svg.drawing(_WIDTH, _TOP + _ROW * 5 + 24, title, description, _cells(risks), "heat"),
        table=Table(["Risk", "Likelihood", "Impact", "Level"], rows, words=frozenset({0, 1, 2})),
        note=note,
        legend=[
            Key("good", f"below {MEDIUM}"),
            Key("attention", f"{MEDIUM} to {HIGH - 1}"),
            Key("wrong", f"{HIGH} and more"),
        ],
        kind="heat",
        description=description,
    )


def _cells(risks: Sequence[Placed]) -> Iterator[str]:
    for row, (likelihood, name) in enumerate(LIKELIHOODS.items()):
        top = _TOP + _ROW * row
        yield svg.text(name, _LEFT - 8, top + _ROW / 2 + 4, class_="name end")
        for column, impact in enumerate(IMPACTS):
            here = [risk for risk in risks if (risk.likelihood, risk.impact) == (likelihood, impact)]
            yield from _cell(here, likelihood, impact, _LEFT + _STEP * column, top)
    for column, name in enumerate(IMPACTS.values()):
        yield svg.text(name, _LEFT + _STEP * (column + 0.5), _TOP + _ROW * 5 + 16, class_="tick middle")


def _cell(here: Sequence[Placed], likelihood: int, impact: int, x: float, top: float) -> Iterator[str]:
    style = meaning(likelihood * impact)
    told = "; ".join(f"R{risk.number} {risk.title}" for risk in here) or "no risk"
    hint = svg.hint(f"{LIKELIHOODS[likelihood]}, {IMPACTS[impact]}: {told}")
    yield svg.tag("rect", hint, class_=f"cell {style}", x=x + 1, y=top + 1, width=_STEP - 2, height=_ROW - 2)
    if here:
        words = " ".join(f"R{risk.number}" for risk in here)
        if len(words) > 13:
            words = f"{len(here)} risks"
        yield svg.text(words, x + _STEP / 2, top + _ROW / 2 + 4, class_=f"within middle {style}")
