"""What the stack tells a person when it cannot go on."""


class StackError(Exception):
    """One or two sentences for the terminal: what is wrong and what to do about it."""
