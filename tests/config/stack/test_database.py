import psycopg
import pytest

from config.stack.database import Address, given_addresses, provision
from config.stack.errors import StackError


def password(role):
    """A password that needs quoting everywhere."""
    return f"p@ss:/'{role}"


@pytest.fixture
def portal(server):
    """The addresses of a freshly made database."""
    return provision(server.url(), "portal", password)


def one(address, statement):
    """The first value of the first row."""
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        return row[0] if row else None


def test_provision_gives_three_roles_with_exactly_their_powers(server, portal):
    with psycopg.connect(server.url()) as connection:
        rows = connection.execute(
            "select rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolcanlogin from pg_roles "
            "where rolname like 'portal%' order by rolname"
        ).fetchall()
    assert rows == [
        ("portal_app", False, False, False, False, True),
        ("portal_operations", False, False, False, True, True),
        ("portal_owner", False, True, False, False, True),
    ]


def test_provision_again_changes_nothing_but_repairs_a_password(server, portal):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("alter role portal_app password 'changed' createdb")
    assert provision(server.url(), "portal", password) == portal
    assert one(portal["TENURE_DATABASE_URL"], "select current_user") == "portal_app"
    assert one(server.url(), "select rolcreatedb from pg_roles where rolname = 'portal_app'") is False


def test_owner_owns_database_and_schema(portal):
    owner = portal["TENURE_DATABASE_OWNER_URL"]
    assert one(owner, "select pg_get_userbyid(datdba) from pg_database where datname = 'portal'") == "portal_owner"
    assert one(owner, "select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'public'") == "portal_owner"


def test_application_role_cannot_make_a_table(portal):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        one(portal["TENURE_DATABASE_URL"], "create table public.intruder (id int)")


def test_owner_hands_a_function_to_the_operations_role(portal):
    with psycopg.connect(portal["TENURE_DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute(
            "create or replace function whoami() returns text "
            "security definer language sql as 'select current_user::text'"
        )
        connection.execute("alter function whoami() owner to portal_operations")
    assert one(portal["TENURE_DATABASE_URL"], "select whoami()") == "portal_operations"


def test_owner_is_bound_by_row_level_security_although_it_may_become_operations(portal):
    with psycopg.connect(portal["TENURE_DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute("drop table if exists walled")
        connection.execute("create table walled as select 1 as number")
        connection.execute("alter table walled enable row level security")
        connection.execute("alter table walled force row level security")
    assert one(portal["TENURE_DATABASE_OWNER_URL"], "select count(*) from walled") == 0


def test_strangers_may_not_enter_the_database(server, portal):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("drop role if exists stranger")
        connection.execute("create role stranger login password 'x'")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(Address(Address(server.url()).to("portal")).login("stranger", "x"))


def test_provision_by_a_role_that_is_no_superuser(server):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create role hosted login createrole createdb bypassrls password 'x'")
    administrator = Address(server.url()).login("hosted", "x")
    if server.version < 16:
        pytest.skip("PostgreSQL 15 lets only a superuser make a role with BYPASSRLS")
    addresses = provision(administrator, "second", password)
    assert provision(administrator, "second", password) == addresses
    assert one(addresses["TENURE_DATABASE_OPERATIONS_URL"], "select current_user") == "second_operations"


def test_provision_by_a_plain_role_says_what_to_run(server):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create role plain login password 'x'")
    with pytest.raises(StackError) as caught:
        provision(Address(server.url()).login("plain", "x"), "third", password)
    assert "CREATE ROLE third_operations LOGIN BYPASSRLS" in str(caught.value)


def test_statements_given_to_a_plain_role_do_what_provision_would(server):
    with pytest.raises(StackError) as caught:
        provision(Address(server.url()).login("portal_app", password("portal_app")), "byhand", password)
    before, after = (part for part in statements(str(caught.value)))
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for statement in before:
            connection.execute(statement)
    with psycopg.connect(Address(server.url()).to("byhand"), autocommit=True) as connection:
        for statement in after:
            connection.execute(statement)
    owner = Address(Address(server.url()).to("byhand")).login("byhand_owner", "...")
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("create function one() returns int language sql as 'select 1'")
        connection.execute("alter function one() owner to byhand_operations")


def statements(text):
    """The SQL of the message, before and after entering the database."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    entry = next(index for index, line in enumerate(lines) if line.startswith("\\c"))
    return lines[:entry], lines[entry + 1 :]


def test_superuser_as_application_role_is_refused(server):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create role fourth_app superuser login password 'x'")
    with pytest.raises(StackError, match="fourth_app is a superuser"):
        provision(server.url(), "fourth", password)


def test_unreachable_server_is_a_sentence():
    with pytest.raises(StackError, match=r"Cannot connect to PostgreSQL: .* Check DATABASE_URL\."):
        provision("postgresql://nobody:x@127.0.0.1:1/tenure", "tenure", password)


def test_given_addresses_need_all_three():
    three = {"DATABASE_URL": "a", "DATABASE_OWNER_URL": "b", "DATABASE_OPERATIONS_URL": "c"}
    assert given_addresses({"DATABASE_URL": "a"}) is None
    assert given_addresses(three) == {
        "TENURE_DATABASE_URL": "a",
        "TENURE_DATABASE_OWNER_URL": "b",
        "TENURE_DATABASE_OPERATIONS_URL": "c",
    }
    with pytest.raises(StackError, match="so DATABASE_OPERATIONS_URL must be set too"):
        given_addresses({"DATABASE_URL": "a", "DATABASE_OWNER_URL": "b"})


def test_address_exchanges_role_and_database():
    address = Address("postgresql://root:pw@db.example:6543/main?sslmode=require")
    assert address.database == "main"
    assert address.to("other") == "postgresql://root:pw@db.example:6543/other?sslmode=require"
    assert address.login("main_app", "a/b") == "postgresql://main_app:a%2Fb@db.example:6543/main?sslmode=require"
    assert Address("postgresql://db.example").database == "tenure"
