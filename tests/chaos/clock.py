"""
The database's clock, which a test may set ahead or back.

Everything in the service that waits, waits by `now()` of PostgreSQL, a name that is looked up along
`search_path`; so a function of that name before PostgreSQL's own is a clock of our own, for every
statement, default and trigger that does not fix its path. As in PostgreSQL, `now()` stands still
within a transaction: a jump shows in the next one. Clocks of the functions' machines, of S3 and of
the queues go on undisturbed.
"""

import psycopg

from crawlset_local.postgres import DATABASE

_INSTALL = f"""
CREATE SCHEMA clock;
CREATE TABLE clock.jumps (
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), ahead interval NOT NULL
);
CREATE FUNCTION clock.ahead(moment timestamptz) RETURNS interval LANGUAGE sql STABLE AS
    $$ SELECT coalesce(sum(ahead), '0') FROM clock.jumps WHERE at <= moment $$;
CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT pg_catalog.now() + clock.ahead(pg_catalog.now()) $$;
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$ SELECT pg_catalog.clock_timestamp() + clock.ahead(pg_catalog.clock_timestamp()) $$;
GRANT USAGE ON SCHEMA clock TO PUBLIC;
GRANT SELECT ON clock.jumps TO PUBLIC;
ALTER DATABASE {DATABASE} SET search_path = public, clock, pg_catalog;
"""


def install(owner_dsn: str) -> None:
    """Give a database that has no tables yet the clock."""
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(_INSTALL)


def jump(owner_dsn: str, seconds: float) -> None:
    """Set the clock ahead, or back if `seconds` is negative."""
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO clock.jumps (ahead) VALUES (make_interval(secs => %s))", (seconds,)
        )
