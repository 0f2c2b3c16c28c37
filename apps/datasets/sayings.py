"""What the engine refuses, as the domain says it; and what people write, as the engine wants it."""

import functools
import re
from typing import Any

from apps.core.errors import DomainError, Invalid, TooLarge
from apps.core.text import unkeepable
from apps.datasets.engine.errors import DataError, RecipeInvalid


class Misfit(Invalid):
    """A recipe, rule or plan that does not fit; `problems` names each place by step and field."""

    def __init__(self, sentence: str, field: str, problems: list[dict[str, Any]]) -> None:
        super().__init__(sentence, {field: [_placed(problem) for problem in problems]})
        self.problems = problems


def _placed(problem: dict[str, Any]) -> str:
    place = ", ".join(part for part in (f"Step {problem['step']}" if problem["step"] else "", problem["field"]) if part)
    return f"{place}: {problem['sentence']}" if place else problem["sentence"]


def as_domain(error: DataError, field: str = "file") -> DomainError:
    """The engine's refusal as a domain error with the same sentence."""
    if isinstance(error, RecipeInvalid):
        return Misfit(error.sentence, field, error.problems)
    if error.code == "too_large":
        return TooLarge(error.sentence)
    return Invalid(error.sentence, {field: error.sentence})


def read_yaml(text: str, field: str) -> Any:
    """Plain values from YAML; raises Invalid with the line that cannot be read."""
    import yaml

    try:
        found = yaml.load(text, _loader())  # noqa: S506  (a safe loader, see below)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        sentence = f"This is not YAML{where}: {getattr(error, 'problem', None) or 'it cannot be read'}."
        raise Invalid(sentence, {field: sentence}) from error
    except ValueError as error:  # a date that does not exist
        sentence = f"This is not YAML: {error}."
        raise Invalid(sentence, {field: sentence}) from error
    if sentence := unkeepable(found):
        raise Invalid(sentence, {field: sentence})
    return found


@functools.cache
def _loader() -> Any:
    """YAML's safe loader, but as in YAML 1.2 only true and false are truths: a join is written with the word `on`."""
    import yaml

    class Plain(yaml.SafeLoader):
        yaml_implicit_resolvers = {
            letter: [(tag, shape) for tag, shape in found if tag != "tag:yaml.org,2002:bool"]
            for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Plain.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")
    return Plain


def listed_in(value: Any, name: str, field: str) -> Any:
    """A list from YAML text, from {name: [...]}, or as it is."""
    found = read_yaml(value, field) if isinstance(value, str) else value
    return found[name] if isinstance(found, dict) and set(found) == {name} else found


def storable(value: Any) -> Any:
    """Plain values as the database can keep them: its JSON has no zero bytes, which texts of a table may hold."""
    if isinstance(value, str):
        return value.replace("\x00", "\\0")
    if isinstance(value, dict):
        return {storable(name): storable(part) for name, part in value.items()}
    return [storable(part) for part in value] if isinstance(value, list | tuple) else value


def as_yaml(value: Any) -> str:
    """Plain values as YAML, in the order in which they are."""
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
