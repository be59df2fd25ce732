"""Read from the database which objects of a home's store must stay."""

from dataclasses import dataclass
from pathlib import Path

import psycopg

from crawlset_local.errors import LocalCloudError, PostgresError
from crawlset_local.home import read_profile

CRAWL_JOBS = """
SELECT id::text FROM crawl_jobs
UNION SELECT split_part(pack_key, '/', 2) FROM images WHERE pack_key LIKE 'jobs/%'
UNION SELECT split_part(pack_key, '/', 2) FROM job_chunks WHERE pack_key LIKE 'jobs/%'
UNION SELECT split_part(pack_key, '/', 2) FROM takedown_images WHERE pack_key LIKE 'jobs/%'
"""
EXPORTS = """
SELECT id::text, status = 'completed' AND coalesce(expires_at <= now(), false)
FROM export_jobs WHERE status NOT IN ('failed', 'cancelled')
"""


@dataclass(frozen=True)
class Keepers:
    """Ids of rows, as text: they are compared with names of folders."""

    crawl_jobs: frozenset[str]
    """Crawl jobs that exist, and those whose packs hold an image."""
    exports: frozenset[str]
    expired_exports: frozenset[str]


def read_keepers(database_url: str, home: Path) -> Keepers:
    """
    Who keeps objects, by the database of `home`.

    Raises `PostgresError`, and `LocalCloudError` for a database that is another home's: by it
    every object would be nobody's.
    """
    profile_id = read_profile(home).get("profile_id")
    try:
        with psycopg.connect(database_url, connect_timeout=10) as connection:
            connection.execute("SET TRANSACTION READ ONLY")
            # A role that may not see every row is refused rather than shown fewer.
            connection.execute("SET LOCAL row_security = off")
            known = connection.execute(
                "SELECT FROM profiles WHERE id::text = %s", (str(profile_id),)
            ).fetchone()
            if known is None:
                raise LocalCloudError(
                    f"The database does not know the profile that {home} was last used with."
                )
            jobs = [str(row[0]) for row in connection.execute(CRAWL_JOBS)]
            exports = {str(row[0]): bool(row[1]) for row in connection.execute(EXPORTS)}
    except psycopg.Error as error:
        raise PostgresError(f"The database does not say: {str(error).strip()}.") from None
    return Keepers(
        frozenset(jobs),
        frozenset(exports),
        frozenset(id_ for id_, is_expired in exports.items() if is_expired),
    )
