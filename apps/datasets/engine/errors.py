"""What can be wrong with data, as exceptions whose text is one sentence for the person who brought the data."""

from typing import Any


class DataError(Exception):
    """The data or what was asked of it cannot be used; `sentence` says what happened and what to do."""

    def __init__(self, sentence: str, *, code: str, **details: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.details = details

    def to_dict(self) -> dict[str, Any]:
        """The error as plain values, for an API body or a stored report."""
        return {"code": self.code, "sentence": self.sentence, "details": self.details}


class Unreadable(DataError):
    """The file is empty, cut off, damaged, too large or of a kind that is not read here."""


class BadHeader(DataError):
    """The first line does not name the columns, or names them ambiguously."""


class BrokenRows(DataError):
    """Some lines do not have as many fields as there are columns."""


class WrongValues(DataError):
    """Some cells do not hold what the declared schema says."""


class RecipeInvalid(DataError):
    """A recipe, rule or split plan does not fit; `problems` names each place with its own sentence."""

    def __init__(self, sentence: str, problems: list[dict[str, Any]]) -> None:
        super().__init__(sentence, code="recipe_invalid", problems=problems)
        self.problems = problems
