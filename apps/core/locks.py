"""Names that one transaction at a time may hold, for work that no row stands for yet."""

import hashlib

from django.db import connection


def hold(name: str) -> None:
    """Wait until nobody else works on what has this name; held to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_number(name)])


def may_hold(name: str) -> bool:
    """The same without waiting: whether it is held now."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [_number(name)])
        return bool(cursor.fetchone()[0])


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
