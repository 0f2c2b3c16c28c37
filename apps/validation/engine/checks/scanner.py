"""What a scanner for hidden code says of the file: told, not judged by. Read without running."""

from __future__ import annotations

import zipfile
from importlib.metadata import version
from typing import Any

from apps.validation.engine.arrays import Line
from apps.validation.engine.base import (
    TIERS,
    CannotRun,
    Check,
    Family,
    Limits,
    Measured,
    Need,
    NothingToAsk,
    Sense,
    Titles,
    table,
)
from apps.validation.engine.case import Case

HARMLESS = "innocuous"


class Scanner(Check):
    """The scanner's list of what pickled parts of the file would import.

    Only information: a list of known names misses what is not on it, so what it finds at most warns and what it does
    not find permits nothing. What keeps code from running is the rule of formats and the walls of the child.
    """

    key = "sec.scanner"
    family = Family.SECURITY
    blind = True
    informs = True
    tiers = TIERS
    title = "Scanner"
    question = "What does a scanner for hidden code say of the file?"
    metric = "imports in pickled parts of the file that the scanner does not know to be harmless"
    unit = "count"
    source = "picklescan, strict; information only"
    sense = Sense.AT_MOST
    needs = frozenset({Need.ARTIFACT})
    limits = {"low": Limits(None, 0.0), "limited": Limits(None, 0.0), "high": Limits(None, 0.0)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The count, with each import and what the scanner calls it; nothing to ask where it can look into nothing."""
        from picklescan.scanner import scan_bytes

        from apps.models.engine import formats

        if case.artifact is None:
            raise CannotRun(case.why_absent(Need.ARTIFACT))
        path, name = case.artifact.path, f"picklescan {version('picklescan')}"
        with path.open("rb") as file:
            seen = scan_bytes(file, "model", strict=True)
        # What is no archive it takes for one pickle, whatever the bytes are, and counts it as looked into.
        can_read = zipfile.is_zipfile(path) or formats.detect(path) == "pickle" or seen.globals
        if not can_read or not seen.scanned_files:
            raise NothingToAsk(f"The file holds no pickle or array that {name} could look into.")
        found: list[Line] = sorted(
            ({"import": f"{one.module}.{one.name}", "called": one.safety.value} for one in seen.globals
             if one.safety.value != HARMLESS), key=lambda line: line["import"],
        )  # fmt: skip
        said = f"{name} found {len(found)} in {seen.scanned_files:,} pickled parts and arrays of the file"
        titles: Titles = {"import": ("import", "text"), "called": (f"by {name}", "text")}
        return Measured(
            float(len(found)),
            f"{said}: {', '.join(line['import'] for line in found[:3])}." if found else f"{said}.",
            tables=[table("Imports that are not known to be harmless", found, **titles)] if found else [],
            notes=["It could not read all of the file."] if seen.scan_err else [],
            rows_used=0,
        )


CHECKS = (Scanner,)
