"""State machines as tables: one enum, one table of legal moves, one function that moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from apps.core.errors import IllegalMove

MACHINES: dict[str, "Machine"] = {}


@dataclass(frozen=True)
class Machine:
    """The legal moves of one state column.

    `name` is "app.Model"; `moves` maps every state to the states that may follow it.
    """

    name: str
    states: type[models.TextChoices]
    moves: Mapping[Any, tuple[Any, ...]]
    field: str = "state"

    def __post_init__(self) -> None:
        missing = set(self.states) - set(self.moves)
        if missing:
            raise ValueError(f"{self.name}: no moves given for {sorted(missing)}")
        MACHINES[self.name] = self

    def next(self, state: str) -> list[str]:
        """The states that may follow `state`."""
        return [str(self.states(following).value) for following in self.moves[self.states(state)]]

    def can_move(self, thing: models.Model, to: str) -> bool:
        """Whether `thing` may move to the state `to` now."""
        return str(to) in self.next(getattr(thing, self.field))

    def check(self, thing: models.Model, to: str) -> None:
        """Raise IllegalMove unless `thing` may move to the state `to` now."""
        if self.can_move(thing, to):
            return
        now = self.states(getattr(thing, self.field)).label
        legal = self.next(getattr(thing, self.field))
        said = ", ".join(str(self.states(state).label).lower() for state in legal) or "nothing: this is the end"
        raise IllegalMove(
            f"{thing} is {str(now).lower()} and cannot become {str(self.states(to).label).lower()}. "
            f"From here it can become: {said}.",
            legal,
        )

    def move(self, thing: models.Model, to: str) -> str:
        """Set the state, or raise IllegalMove with the legal moves. The caller saves. Returns the state before."""
        self.check(thing, to)
        before = str(getattr(thing, self.field))
        setattr(thing, self.field, self.states(to))
        return before

    def diagram(self) -> str:
        """The machine as a Mermaid state diagram."""
        lines = [
            f"    {state.value} --> {self.states(following).value}"
            for state in self.states
            for following in self.moves[state]
        ]
        ends = [f"    {state.value} --> [*]" for state in self.states if not self.moves[state]]
        return "\n".join(["stateDiagram-v2", f"    [*] --> {next(iter(self.states)).value}", *lines, *ends])
