"""Every invariant, by name, and when it must hold."""

from collections.abc import Callable, Iterator

from tests.chaos import bytes_hold, rows_hold, telling_holds
from tests.chaos.healing import Healing, unfinished
from tests.chaos.report import Broken
from tests.chaos.view import View
from tests.chaos.world import World

Invariant = Callable[[View], Iterator[str]]

AT_REST: tuple[Invariant, ...] = (
    rows_hold.everything_is_at_rest,
    rows_hold.every_candidate_has_one_end,
    rows_hold.no_url_is_lost_or_twice,
    rows_hold.counters_are_what_rows_say,
    rows_hold.changes_are_counted,
    rows_hold.failed_work_says_why,
    rows_hold.schedules_fire_once_an_instant,
    rows_hold.what_was_deleted_leaves_no_row,
    bytes_hold.stored_pictures_are_their_bytes,
    bytes_hold.exports_are_what_they_say,
    bytes_hold.completed_takedowns_left_no_byte,
    telling_holds.events_are_complete_and_in_order,
    telling_holds.webhooks_are_told_of_every_event,
    telling_holds.answers_are_none_of_500,
)
A_DAY_LATER: tuple[Invariant, ...] = (
    rows_hold.everything_is_at_rest,
    rows_hold.what_was_deleted_leaves_no_row,
    bytes_hold.stored_pictures_are_their_bytes,
    bytes_hold.exports_are_what_they_say,
    bytes_hold.completed_takedowns_left_no_byte,
    bytes_hold.objects_have_owners,
    bytes_hold.quotas_are_what_the_bucket_holds,
)


def check_moment(world: World, healing: Healing) -> list[Broken]:
    """What is broken now that all should be at rest."""
    return check(View(world, healing.left), AT_REST)


def check_end(world: World) -> list[Broken]:
    """What is broken a day later, when what was left behind must be gone."""
    return check(View(world, unfinished(world)), A_DAY_LATER, "a day later: ")


def check(view: View, invariants: tuple[Invariant, ...], when: str = "") -> list[Broken]:
    return [
        Broken(invariant.__name__, when + detail)
        for invariant in invariants
        for detail in invariant(view)
    ]
