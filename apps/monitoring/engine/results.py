"""The table of a check as it is stored, read feature by feature. It needs no array library: pages read it too.

A table holds what was found of all features side by side: one list for each number, numeric columns first, then those
of categories; `order` ranks the features.
"""

import zlib
from typing import Any

import orjson

SHARES = ("null", "unseen", "outside")
DRIFT_SIGNAL = "drift"
SIGNALS = (DRIFT_SIGNAL, *SHARES)
TESTS = {"numeric": "ks", "category": "chi2"}
LEVELS = ("not_enough", "quiet", "near", "drift")
NONE = -1  # in place of a level: the feature has no such signal


def pack(table: bytes) -> bytes:
    """A table as it is kept."""
    return zlib.compress(table, 1)


def unpack(kept: bytes) -> bytes:
    """A table from what `pack` gave."""
    return zlib.decompress(kept)


def features(table: bytes) -> list[dict[str, Any]]:
    """What was found of every feature, ranked."""
    found = orjson.loads(table)
    return [_feature(found, place) for place in found["order"]]


def one_feature(table: bytes, name: str) -> tuple[int, dict[str, Any]] | None:
    """The rank of one feature, 1 for the first, and what was found of it."""
    found = orjson.loads(table)
    names = [*found["numeric"]["feature"], *found["category"]["feature"]]
    if name not in names:
        return None
    place = names.index(name)
    return found["order"].index(place) + 1, _feature(found, place)


def indexes(table: bytes) -> dict[str, float]:
    """The stability index of every feature, for tables kept before it was kept beside them."""
    found = orjson.loads(table)
    blocks = found["numeric"], found["category"]
    return {name: psi for one in blocks for name, psi in zip(one["feature"], one["values"]["psi"], strict=True)}


def _feature(found: dict[str, Any], place: int) -> dict[str, Any]:
    counted = len(found["numeric"]["feature"])
    kind, at = ("numeric", place) if place < counted else ("category", place - counted)
    block, judged = found[kind], found["judged"]
    one = {"feature": block["feature"][at], "role": block["role"][at], "kind": kind, "test": TESTS[kind]}
    one |= {name: values[at] for name, values in block["values"].items()}
    one |= {name: _share(found["shares"][name], place) for name in SHARES}
    one |= {"picture": _picture(block["picture"], at), "importance": judged["importance"][place]}
    if "level" not in judged:
        return one | {"level": LEVELS[0], "signals": {}}
    return one | _judgement(one, judged, place)


def _judgement(one: dict[str, Any], judged: dict[str, Any], place: int) -> dict[str, Any]:
    """The signals of a feature and what they were judged by; also writes the q-values of its shares."""
    for name in SHARES:
        q = judged["share_q"][name][place]
        if one[name] is not None and q is not None:
            one[name]["q"] = q
    muted = [name for name, held in zip(SIGNALS, judged["muted"], strict=True) if held[place]]
    levels = {name: row[place] for name, row in zip(SIGNALS, judged["signals"], strict=True)}
    told = {
        "level": LEVELS[judged["level"][place]],
        "limit": judged["limit"][place],
        "signals": {name: LEVELS[level] for name, level in levels.items() if level != NONE},
        "is_severe": judged["is_severe"][place] and DRIFT_SIGNAL not in muted,
        "is_small": judged["is_small"][place],
        "muted": muted,
    }
    q = judged["q"][place]
    return told if q is None else told | {"q": q}


def _share(share: dict[str, Any], place: int) -> dict[str, Any] | None:
    if not share["asked"][place]:
        return None
    return {field: share[field][place] for field in ("reference", "current", "p")}


def _picture(pictures: dict[str, Any], at: int) -> dict[str, Any]:
    columns = pictures["columns"][at]
    sides = {side: pictures[side][at][:columns] for side in ("reference", "current")}
    if "names" in pictures:
        return {"names": [*pictures["names"][at], "(other)", "(never seen)"], **sides}
    return {"edges": pictures["edges"][at][: columns - 1], **sides}
