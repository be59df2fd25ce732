"""What must hold of bytes: of pictures, exports, takedowns, and of what is in the bucket."""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.inventory import Stored
from tests.chaos.view import View

ID = r"([0-9a-f-]{36})"
ALLOWANCE = re.compile(r"sources/[a-z_]+\.jsonl\.gz")
"""A source is no row."""


def stored_pictures_are_their_bytes(view: View) -> Iterator[str]:
    """The range of the pack that a row names has the row's SHA-256 and size."""
    for row in view.rows(
        "SELECT id, crawl_job_id, pack_key, pack_offset, pack_length, sha256, file_size FROM images"
        " WHERE status = 'stored'"
    ):
        pack = view.inventory.bodies.get(row["pack_key"])
        if pack is None:
            yield f"image {row['id']} of job {row['crawl_job_id']}: no pack {row['pack_key']}"
            continue
        content = pack[row["pack_offset"] : row["pack_offset"] + row["pack_length"]]
        digest = hashlib.sha256(content).digest()
        if digest != bytes(row["sha256"]) or len(content) != row["file_size"]:
            yield f"image {row['id']} of job {row['crawl_job_id']} is not what its row says"


def exports_are_what_they_say(view: View) -> Iterator[str]:
    """
    The files of a completed export are its rows', have the sums that it lists, and hold the
    pictures of its manifest, each with its bytes.
    """
    withheld = {row["id"] for row in view.rows("SELECT export_job_id AS id FROM takedown_exports")}
    for export in view.rows(
        "SELECT id, crawl_job_id, n_images, validation_job_id FROM export_jobs"
        " WHERE status = 'completed' AND expires_at > now()"
    ):
        if export["id"] in withheld:
            continue
        for fault in _faults_of(view, export):
            yield f"export {export['id']}: {fault}"


def _faults_of(view: View, export: dict[str, Any]) -> Iterator[str]:
    folder = f"exports/{export['id']}/"
    bodies = {
        key.removeprefix(folder): body
        for key, body in view.inventory.bodies.items()
        if key.startswith(folder)
    }
    files = view.rows(
        "SELECT name, sha256, file_size FROM export_files WHERE export_job_id = %s", export["id"]
    )
    named = {file["name"]: bytes(file["sha256"]).hex() for file in files}
    if missing := {"manifest.jsonl", "SHA256SUMS", *named} - (named.keys() & bodies.keys()):
        yield f"{sorted(missing)} are not there"
        return
    for file in files:
        body = bodies[file["name"]]
        if (
            hashlib.sha256(body).hexdigest() != named[file["name"]]
            or len(body) != file["file_size"]
        ):
            yield f"{file['name']} is not what its row says"
    listed = {}
    for line in bodies["SHA256SUMS"].decode().splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    if listed != {name: digest for name, digest in named.items() if name != "SHA256SUMS"}:
        yield "SHA256SUMS is not what its rows say"
    held: dict[str, set[str]] = defaultdict(set)
    for one in view.inventory.stored:
        if one.key.startswith(folder):
            held[one.key.removeprefix(folder)].add(one.sha256)
    lines = [*map(json.loads, bodies["manifest.jsonl"].splitlines())]
    yield from _faults_of_manifest(lines, export["n_images"], held)


def _faults_of_manifest(
    lines: list[dict[str, Any]], n_images: int, held: dict[str, set[str]]
) -> Iterator[str]:
    exported = [line for line in lines if line["data_file"]]
    if len(exported) != n_images:
        yield f"says {n_images} images, its manifest has {len(exported)}"
    if twice := [id_ for id_, n in Counter(line["image_id"] for line in lines).items() if n > 1]:
        yield f"its manifest has image {twice[0]} twice"
    absent = [line for line in exported if line["exported_sha256"] not in held[line["data_file"]]]
    if absent:
        yield f"{len(absent)} images are not in it, {absent[0]['image_id']} for one"


def completed_takedowns_left_no_byte(view: View) -> Iterator[str]:
    """
    What a completed takedown means is in no object of its project.

    It means what rows say, and what the sample site has at the URLs of its host: a picture whose
    row never came has bytes too. Unless the project has stored the same from elsewhere, which a
    takedown does not mean that never saw a picture of its own.
    """
    owners = _projects_of_folders(view)
    hidden = {
        bytes(row["sha256"]).hex()
        for row in view.rows(
            "SELECT i.sha256 FROM takedown_images t JOIN images i ON i.id = t.image_id"
            " WHERE i.sha256 IS NOT NULL"
        )
    }
    by_project: dict[str, list[Stored]] = defaultdict(list)
    for one in view.inventory.stored:
        if (project := owners.get(_folder(one.key))) is not None:
            by_project[project].append(one)
    for takedown in view.rows(
        "SELECT id, project_id::text, kind, value FROM takedowns WHERE status = 'completed'"
    ):
        meant = _meant(view, takedown) - hidden
        left = {s for s in by_project[takedown["project_id"]] if s.sha256 in meant}
        if left:
            keys = sorted({one.key for one in left})
            yield (
                f"takedown {takedown['id']} of {takedown['kind']} {takedown['value']} left"
                f" {len({one.sha256 for one in left})} pictures in {len(keys)} objects: {keys[0]}"
            )


def _meant(view: View, takedown: dict[str, Any]) -> set[str]:
    by_rows = {
        bytes(row["sha256"]).hex()
        for row in view.rows(
            "SELECT sha256 FROM images i JOIN crawl_jobs j ON j.id = i.crawl_job_id"
            " WHERE j.project_id = %s AND sha256 IS NOT NULL AND outcome = 'refused_takedown'"
            " AND i.detail LIKE '%%' || %s || '%%'",
            takedown["project_id"],
            str(takedown["id"]),
        )
    }
    value = takedown["value"]
    at_urls = {
        digest
        for url, digest in view.memory.contents.items()
        if (takedown["kind"] == "url" and url == value)
        or (takedown["kind"] == "host" and _is_below(urlsplit(url).hostname or "", value))
    }
    from_elsewhere = {
        bytes(row["sha256"]).hex()
        for row in view.rows(
            "SELECT sha256 FROM images i JOIN crawl_jobs j ON j.id = i.crawl_job_id"
            " WHERE j.project_id = %s AND i.status = 'stored'",
            takedown["project_id"],
        )
    }
    return by_rows | (at_urls - from_elsewhere)


def _is_below(host: str, above: str) -> bool:
    return host == above or host.endswith(f".{above}")


def _folder(key: str) -> str:
    return "/".join(key.split("/")[:2])


def _projects_of_folders(view: View) -> dict[str, str]:
    jobs = {row["id"]: row["project"] for row in view.rows(
        "SELECT id::text, project_id::text AS project FROM crawl_jobs"
    )}  # fmt: skip
    owners = {f"jobs/{id_}": project for id_, project in jobs.items()}
    for row in view.rows("SELECT id::text, crawl_job_id::text AS job FROM export_jobs"):
        owners[f"exports/{row['id']}"] = jobs[row["job"]]
    return owners


def objects_have_owners(view: View) -> Iterator[str]:
    """
    Each object belongs to a row. What was begun in vain may be younger than a day; so this holds
    once the tick has made its round of the hour, a day later.
    """
    known = {
        what: {row["id"] for row in view.rows(statement)}
        for what, statement in {
            "job": "SELECT id::text FROM crawl_jobs",
            "chunk": "SELECT id::text FROM job_chunks",
            "search": "SELECT id::text FROM job_searches",
            "export": "SELECT id::text FROM export_jobs WHERE status = 'completed'",
            "validation": "SELECT id::text FROM validation_jobs",
            "upload": "SELECT id::text FROM uploads",
            "pack": (
                "SELECT pack_key AS id FROM images WHERE pack_key IS NOT NULL"
                " UNION SELECT pack_key FROM takedown_images WHERE pack_key IS NOT NULL"
            ),
        }.items()
    }
    owned = [
        (re.compile(rf"jobs/{ID}/(?:runs/\d+/)?cancelled"), "job"),
        (re.compile(rf"jobs/[^/]+/candidates/{ID}\.\d+\.jsonl\.gz"), "search"),
        (re.compile(rf"jobs/[^/]+/searches/{ID}\.progress"), "search"),
        (re.compile(rf"jobs/{ID}/candidates/deferred\.jsonl\.gz"), "search"),
        (re.compile(rf"jobs/[^/]+/chunks/{ID}/(?:outcome|\d+\.input)"), "chunk"),
        (re.compile(r"(jobs/.*\.tar)"), "pack"),
        (re.compile(rf"exports/{ID}/.*"), "export"),
        (re.compile(rf"validations/{ID}/.*"), "validation"),
        (re.compile(rf"uploads/[^/]+/{ID}"), "upload"),
    ]
    for key in view.inventory.bodies:
        if ALLOWANCE.fullmatch(key):
            continue
        found = next(((m[1], what) for p, what in owned if (m := p.fullmatch(key))), None)
        if found is None or found[0] not in known[found[1]]:
            yield f"{key} belongs to no {found[1] if found else 'kind of row'}"


def quotas_are_what_the_bucket_holds(view: View) -> Iterator[str]:
    """
    An account is told the bytes of its packs, lists and finished exports, as the bucket has them.

    So this holds once a round has removed what no row owns.
    """
    users = {
        f"{folder}/{row['id']}": row["user_id"]
        for folder, table in (("jobs", "crawl_jobs"), ("exports", "export_jobs"))
        for row in view.rows(f"SELECT id::text, user_id::text FROM {table}")
    }
    users |= {f"uploads/{tenant.profile_id}": tenant.profile_id for tenant in view.memory.tenants}
    held: Counter[str] = Counter()
    for key, body in view.inventory.bodies.items():
        kind, *_, name = key.split("/", 2)
        if (kind == "jobs" and key.endswith(".tar")) or (
            kind in {"exports", "uploads"} and not name.startswith("plan/")
        ):
            held[users.get(_folder(key), "")] += len(body)
    for tenant, usage in view.usages():
        if usage != held[tenant.profile_id]:
            yield f"{tenant.name} is told {usage} bytes; the bucket has {held[tenant.profile_id]}"
