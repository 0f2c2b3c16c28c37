"""What can go wrong in the domain. Every error carries one sentence a person can act on."""

from collections.abc import Iterable, Mapping


class DomainError(Exception):
    """A refusal with a sentence. Pages show it, the API answers it with `status`."""

    status = 400
    title = "This could not be done"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Invalid(DomainError):
    """The input does not fit; `fields` maps a field to its sentences."""

    status = 422
    title = "The input does not fit"

    def __init__(self, sentence: str, fields: Mapping[str, Iterable[str] | str] | None = None) -> None:
        super().__init__(sentence)
        self.fields = {name: [said] if isinstance(said, str) else list(said) for name, said in (fields or {}).items()}


class Refused(DomainError):
    """The person may see the thing but may not do this to it."""

    status = 403
    title = "Not allowed"


class NotVisible(DomainError):
    """The person may not see the thing, or there is none."""

    status = 404
    title = "Not found"

    def __init__(self, sentence: str = "There is nothing here, or you may not see it.") -> None:
        super().__init__(sentence)


class IllegalMove(DomainError):
    """The thing is in a state from which this is no move; `legal` are the moves there are."""

    status = 409
    title = "Not in this state"

    def __init__(self, sentence: str, legal: Iterable[str] = ()) -> None:
        super().__init__(sentence)
        self.legal = list(legal)


class Conflict(DomainError):
    """Something else stands in the way: a duplicate key, a newer change, an open request."""

    status = 409
    title = "Something stands in the way"


class TooLarge(DomainError):
    """More bytes than the limit."""

    status = 413
    title = "Too large"


class ReauthenticationNeeded(DomainError):
    """The person must show again who they are before this."""

    status = 403
    title = "Confirm it is you"


class Busy(DomainError):
    """Try again in `retry_after` seconds."""

    status = 429
    title = "Too busy"

    def __init__(self, sentence: str, retry_after: int = 5) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(Busy):
    """The database cannot be reached; nothing was done."""

    status = 503
    title = "Out of reach for a moment"

    def __init__(self) -> None:
        super().__init__("The database cannot be reached. Nothing was done; try again in a few seconds.")


class Failed(DomainError):
    """A fault of ours."""

    status = 500
    title = "Something went wrong"

    def __init__(self) -> None:
        super().__init__("This is a fault of the portal, not of the request. It was logged; tell an administrator.")
