"""Real sentences for the tests: what Python's own modules say of themselves, and what NumPy says."""

import functools
import importlib
import inspect

STANDARD = (
    "argparse", "csv", "datetime", "decimal", "difflib", "email.message", "http.client", "logging", "pathlib", "shutil",
    "socket", "subprocess", "tarfile", "threading", "unittest.case", "urllib.request", "zipfile",
)  # fmt: skip


@functools.cache
def sentences(modules: tuple[str, ...]) -> list[str]:
    """The lines of all docstrings of these modules, without repeats, sorted."""
    found: set[str] = set()
    for name in modules:
        module = importlib.import_module(name)
        things = [*vars(module).values()]
        things += [one for kind in things if inspect.isclass(kind) for one in vars(kind).values()]
        for one in things:
            told = inspect.getdoc(one) if callable(one) else None
            found |= {line.strip() for line in (told or "").splitlines() if len(line.strip()) > 30}
    return sorted(found)


def of_python() -> list[str]:
    """What the standard library says, some thousand lines."""
    return sentences(STANDARD)


def of_numpy() -> list[str]:
    """What NumPy says, some ten thousand lines."""
    return sentences(("numpy",))
