"""Rows read in the database's binary form."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from psycopg import Cursor
from psycopg.pq import Format


def values(rows: QuerySet[Any], *fields: str) -> list[tuple[Any, ...]]:
    """What `values_list` gives, with bytes sent as they are instead of as hexadecimal digits: half as much to send,
    and a tenth of the time to read. Converters of fields are not run.
    """
    try:
        sql, parameters = rows.values_list(*fields).query.sql_with_params()
    except EmptyResultSet:
        return []
    connection.ensure_connection()
    # Django's own cursor puts values into the statement, which the binary form does not allow.
    plain: Any = Cursor(connection.connection)
    plain.format = Format.BINARY
    with connection.make_debug_cursor(plain) if connection.queries_logged else connection.make_cursor(plain) as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
