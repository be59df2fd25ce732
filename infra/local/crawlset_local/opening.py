"""What a deployed cloud needs before it is of use: the newest tables, a profile and its key."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from crawlset_local import deploy, migrated
from crawlset_local.deploy import Stack
from crawlset_local.errors import FunctionFailedError
from crawlset_local.home import LOCAL_EMAIL, read_profile, write_profile
from crawlset_local.ports import LOOPBACK

START_ATTEMPTS = 4


@dataclass
class Opening:
    """One start's way to a key that opens the API."""

    home: Path
    port: int
    """The emulator's."""
    stack: Stack
    dsn: str
    is_as_left: bool = False
    """Whether the database is as an earlier start left it; known once it is migrated."""

    @property
    def is_needed(self) -> bool:
        return migrated.FUNCTION in self.stack.resources

    def migrate(self, *, is_own: bool) -> str:
        """Bring the database, the laptop's own or not, to its newest revision; says which."""
        place = self.home, self.stack, self.port, self.dsn
        # A database of the user's own may be elsewhere, and change in ways that are not seen here.
        if is_own and (kept := migrated.bring_back(*place)) is not None:
            self.is_as_left = True
            return kept
        answer = self._invoke(migrated.FUNCTION, {"action": "upgrade"})
        revision = str((answer or {}).get("revision", ""))
        if is_own:
            migrated.keep(*place, revision)
        return revision

    def find_key(self, api_url: str, beside: Future[None] | None) -> tuple[str, str]:
        """
        A profile's id and a key that opens it, which the home's profile has from then on.

        `beside` is another function's start.
        """
        for attempt in range(START_ATTEMPTS):
            try:
                profile_id, key = self._find_key()
                break
            except FunctionFailedError as error:
                if not error.type.startswith("Runtime.") or attempt == START_ATTEMPTS - 1:
                    raise
            # The emulator waits 10 s for a function to start, and a busy machine may need more:
            # it is asked again, alone.
            if beside is not None:
                beside.result()
        write_profile(self.home, api_url=api_url, api_key=key, profile_id=profile_id)
        return profile_id, key

    def _find_key(self) -> tuple[str, str]:
        kept = read_profile(self.home)
        profile_id, key = kept.get("profile_id", ""), kept.get("api_key", "")
        if self.is_as_left and key and self._opens(key):
            return profile_id, key
        answer = self._invoke(
            migrated.FUNCTION,
            {"action": "create_profile", "email": LOCAL_EMAIL, "name": "local"},
        )
        profile_id = answer["profile_id"]
        return profile_id, (
            answer["api_key"] or self._kept_key(kept, profile_id) or self._lost_key(profile_id)
        )

    def _kept_key(self, kept: Mapping[str, Any], profile_id: str) -> str:
        """None that was revoked, nor one of another database."""
        key: str = kept.get("api_key", "") if kept.get("profile_id") == profile_id else ""
        return key if key and self._opens(key) else ""

    def _opens(self, key: str) -> bool:
        if "AuthorizeFunction" not in self.stack.resources:
            return True
        event = {
            "headers": {"authorization": f"Bearer {key}"},
            "requestContext": {"http": {"sourceIp": LOOPBACK}},
        }
        return bool(self._invoke("AuthorizeFunction", event)["isAuthorized"])

    def _lost_key(self, profile_id: str) -> str:
        """A new key: the first was shown once, and is gone, revoked or another's."""
        # Rarely needed, and slow to import.
        from crawlset_local.profiles import issue_key  # noqa: PLC0415

        return issue_key(self.dsn, UUID(profile_id))

    def _invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        return deploy.invoke(self.port, self.stack.resources[function], event)
