"""Every pair of states of every machine: a legal move moves, any other raises with the legal ones."""

import itertools

import pytest
from django.apps import apps

from apps.core.errors import IllegalMove
from apps.core.states import MACHINES

PAIRS = [
    pytest.param(machine, before, after, id=f"{name}: {before} to {after}")
    for name, machine in sorted(MACHINES.items())
    for before, after in itertools.product(machine.states, repeat=2)
]


@pytest.mark.parametrize(("machine", "before", "after"), PAIRS)
def test_move(machine, before, after, monkeypatch):
    model = apps.get_model(machine.name)
    monkeypatch.setattr(model, "__str__", lambda self: "It")  # A bare row has nothing to name itself by.
    thing = model(**{machine.field: before})
    if after in machine.moves[before]:
        assert machine.move(thing, after) == before
        assert getattr(thing, machine.field) == after
    else:
        with pytest.raises(IllegalMove) as refused:
            machine.move(thing, after)
        assert refused.value.legal == [str(state.value) for state in machine.moves[before]]
        assert getattr(thing, machine.field) == before


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_the_column_offers_exactly_the_states(machine):
    field = apps.get_model(machine.name)._meta.get_field(machine.field)
    assert {value for value, _ in field.choices} == {state.value for state in machine.states}
    assert field.default in machine.states


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_state_can_be_reached_from_the_first(machine):
    reached, edge = set(), [next(iter(machine.states))]
    while edge:
        state = edge.pop()
        if state not in reached:
            reached.add(state)
            edge += machine.moves[state]
    assert reached == set(machine.states)
