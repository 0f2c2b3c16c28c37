"""Make the database and its three roles, from an administrative address, as often as one likes.

`<database>_owner` owns the database and migrates; `<database>_app` owns nothing and is bound by row-level security; the
operations role sees all tenants. Rights on tables are given by the migrations, which know the tables.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from config.stack.errors import StackError
from config.stack.programs import OLDEST_POSTGRES

VARIABLES = {
    "app": "TENURE_DATABASE_URL",
    "owner": "TENURE_DATABASE_OWNER_URL",
    "operations": "TENURE_DATABASE_OPERATIONS_URL",
}
GIVEN = {"app": "DATABASE_URL", "owner": "DATABASE_OWNER_URL", "operations": "DATABASE_OPERATIONS_URL"}
# What each role must be, as pg_roles names it.
ATTRIBUTES = {
    "app": {"rolcreatedb": False, "rolbypassrls": False},
    "owner": {"rolcreatedb": True, "rolbypassrls": False},
    "operations": {"rolcreatedb": False, "rolbypassrls": True},
}
WORDS = {"rolcreatedb": ("CREATEDB", "NOCREATEDB"), "rolbypassrls": ("BYPASSRLS", "NOBYPASSRLS")}
BY_HAND = """{reason}
Either give Tenure a role that may, or make the three roles yourself as a superuser:

    CREATE ROLE {database}_owner LOGIN CREATEDB PASSWORD '...';
    CREATE ROLE {database}_app LOGIN PASSWORD '...';
    CREATE ROLE {database}_operations LOGIN BYPASSRLS PASSWORD '...';
    GRANT {database}_operations TO {database}_owner;
    CREATE DATABASE {database} OWNER {database}_owner ENCODING 'UTF8' TEMPLATE template0;
    \\c {database}
    ALTER SCHEMA public OWNER TO {database}_owner;
    GRANT USAGE, CREATE ON SCHEMA public TO {database}_operations;

and set DATABASE_URL (as {database}_app), DATABASE_OWNER_URL and DATABASE_OPERATIONS_URL."""


@dataclass(frozen=True)
class Address:
    """A PostgreSQL address whose role, password and database can be exchanged."""

    url: str

    @property
    def database(self) -> str:
        """The database that the address names; `tenure` when it names none."""
        return unquote(urlsplit(self.url).path.lstrip("/")) or "tenure"

    def to(self, database: str) -> str:
        """The same server and role, another database."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{quote(database)}"))

    def login(self, role: str, password: str) -> str:
        """The same server and database, another role."""
        parts = urlsplit(self.url)
        server = parts.netloc.rpartition("@")[2]
        return urlunsplit(
            parts._replace(netloc=f"{quote(role)}:{quote(password, safe='')}@{server}", path=f"/{quote(self.database)}")
        )


def given_addresses(environment: Mapping[str, str] = os.environ) -> dict[str, str] | None:
    """The three roles' addresses where an operator gives them; nothing is created then."""
    if not environment.get("DATABASE_OWNER_URL"):
        return None
    missing = [name for name in GIVEN.values() if not environment.get(name)]
    if missing:
        raise StackError(
            f"DATABASE_OWNER_URL is set, so {' and '.join(missing)} must be set too: "
            "one address for each of the three roles."
        )
    return {VARIABLES[role]: environment[name] for role, name in GIVEN.items()}


def provision(administrator: str, database: str, password: Callable[[str], str]) -> dict[str, str]:
    """The addresses of the three roles, which exist with their database when this returns.

    `password` gives the kept password of a role by its name. Raises StackError with the SQL to run when the given role
    may not create what is missing.
    """
    address = Address(Address(administrator).to(database))
    roles = {role: f"{database}_{role}" for role in VARIABLES}
    with connect(address) as connection:
        check_server(connection, database)
        try:
            for role, name in roles.items():
                ensure_role(connection, name, password(name), ATTRIBUTES[role])
            ensure_memberships(connection, roles)
            ensure_database(connection, database, roles)
            with psycopg.connect(address.url, autocommit=True) as inside:
                open_schema(inside, roles)
        except psycopg.errors.InsufficientPrivilege as error:
            reason = f"The role of DATABASE_URL may not set up the database: {error.diag.message_primary}."
            raise StackError(BY_HAND.format(reason=reason, database=database)) from error
    return {VARIABLES[role]: address.login(name, password(name)) for role, name in roles.items()}


def connect(address: Address) -> psycopg.Connection:
    """A connection to a database that surely exists on that server."""
    reasons = []
    for database in ("postgres", "template1", address.database):
        try:
            return psycopg.connect(address.to(database), autocommit=True, connect_timeout=10)
        except psycopg.OperationalError as error:
            reasons.append(str(error).strip().partition("\n")[0])
    raise StackError(f"Cannot connect to PostgreSQL: {reasons[0]}. Check DATABASE_URL.")


def check_server(connection: psycopg.Connection, database: str) -> None:
    """Refuse a server that is too old, and a role that could not make what is needed."""
    version = connection.info.server_version // 10_000
    if version < OLDEST_POSTGRES:
        raise StackError(f"PostgreSQL {version} is too old: Tenure needs {OLDEST_POSTGRES} or newer.")
    row = connection.execute(
        "select rolsuper, rolcreaterole and rolbypassrls and rolcreatedb from pg_roles where rolname = current_user"
    ).fetchone()
    superuser, may_create = row or (False, False)
    if not superuser and not (may_create and version >= 16):
        needed = "a superuser" if version < 16 else "a superuser, or a role with CREATEROLE, CREATEDB and BYPASSRLS"
        reason = f"DATABASE_URL must name {needed}, so that Tenure can make its three roles."
        raise StackError(BY_HAND.format(reason=reason, database=database))


def ensure_role(connection: psycopg.Connection, name: str, password: str, attributes: dict[str, bool]) -> None:
    """The role with exactly these attributes and this password."""
    known = connection.execute(
        "select rolsuper, rolcreatedb, rolbypassrls from pg_roles where rolname = %s", [name]
    ).fetchone()
    if known and known[0]:
        raise StackError(
            f"The role {name} is a superuser, and superusers are not bound by row-level security. Alter or drop it."
        )
    if not known:
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
    current = (
        dict(zip(("rolcreatedb", "rolbypassrls"), known[1:], strict=True))
        if known
        else {"rolcreatedb": False, "rolbypassrls": False}
    )
    words = [WORDS[key][0 if wanted else 1] for key, wanted in attributes.items() if current[key] != wanted]
    connection.execute(
        sql.SQL("alter role {} login {} password {}").format(
            sql.Identifier(name), sql.SQL(" ".join(words)), sql.Literal(password)
        )
    )


def ensure_memberships(connection: psycopg.Connection, roles: dict[str, str]) -> None:
    """The owner may become the operations role, to hand functions to it; the administrator may become the owner."""
    can_say_set = connection.info.server_version >= 160_000
    grant(
        connection,
        roles["operations"],
        sql.Identifier(roles["owner"]),
        "with set true, inherit false" if can_say_set else "",
    )
    row = connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
    if row and not row[0]:
        for role in roles.values():
            grant(connection, role, sql.SQL("current_user"), "with set true")


def grant(connection: psycopg.Connection, role: str, to: sql.Composable, options: str) -> None:
    """Membership of one role in another."""
    connection.execute(sql.SQL("grant {} to {} {}").format(sql.Identifier(role), to, sql.SQL(options)))


def ensure_database(connection: psycopg.Connection, database: str, roles: dict[str, str]) -> None:
    """The database, owned by the owner role, which nobody enters but the three roles."""
    name, owner = sql.Identifier(database), sql.Identifier(roles["owner"])
    known = connection.execute(
        "select pg_get_userbyid(datdba) from pg_database where datname = %s", [database]
    ).fetchone()
    if not known:
        connection.execute(
            sql.SQL("create database {} owner {} encoding 'UTF8' template template0").format(name, owner)
        )
    elif known[0] != roles["owner"]:
        connection.execute(sql.SQL("alter database {} owner to {}").format(name, owner))
    connection.execute(sql.SQL("revoke all on database {} from public").format(name))
    for role in ("app", "operations"):
        connection.execute(sql.SQL("grant connect on database {} to {}").format(name, sql.Identifier(roles[role])))


def open_schema(connection: psycopg.Connection, roles: dict[str, str]) -> None:
    """The owner owns `public`; the others may use it; operations may own functions in it."""
    connection.execute(sql.SQL("alter schema public owner to {}").format(sql.Identifier(roles["owner"])))
    connection.execute(sql.SQL("set role {}").format(sql.Identifier(roles["owner"])))
    connection.execute(sql.SQL("grant usage on schema public to {}").format(sql.Identifier(roles["app"])))
    connection.execute(
        sql.SQL("grant usage, create on schema public to {}").format(sql.Identifier(roles["operations"]))
    )
