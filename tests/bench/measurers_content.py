"""
Times and hits of the measurers `text`, `nsfw` and `faces`.

Run by `python -m tests.bench.measurers_content`; needs `make models`. Times are of one thread, in
seconds of CPU; a million pictures cost what Lambda asks for 1,769 MB, which is one core.
"""

import time
from collections.abc import Callable

from crawlset import costs
from crawlset.measuring.base import Measurer
from crawlset.measuring.faces import Faces
from crawlset.measuring.nsfw import Nsfw
from crawlset.measuring.text import Text
from crawlset_local.sample_site.photographs import PHOTOGRAPHS
from tests.unit.measuring.watermarks import PLACEMENTS, PLAIN, marked, photograph

ALPHAS = (255, 128, 80, 40)
ENOUGH = 5
"""Characters that mean text."""
GIBIBYTES = 1_769 / 1_024
ROUNDS = 3


def main() -> None:
    for load in (Text, Nsfw, Faces):
        time_of(load)
    text = Text()
    pictures = [photograph(name) for name in PHOTOGRAPHS]
    told = text.measure(pictures, [None] * len(pictures))
    alarms = sum(one.measures["characters"] >= ENOUGH for one in told)
    print(f"\nfalse alarms of text: {alarms} of {len(told)}")
    print("\n| letters | alpha | read on plain photographs | on all |\n| --- | --- | --- | --- |")
    for placement in PLACEMENTS:
        for alpha in ALPHAS:
            hits = {
                name: text.measure([marked(name, placement, alpha)], [None])[0].measures[
                    "characters"
                ]
                >= ENOUGH
                for name in PHOTOGRAPHS
            }
            plain = sum(hits[name] for name in PLAIN)
            print(
                f"| {placement.name} | {alpha} | {plain} of {len(PLAIN)}"
                f" | {sum(hits.values())} of {len(hits)} |",
                flush=True,
            )


def time_of(load: Callable[[], Measurer]) -> None:
    pictures = [photograph(name) for name in PHOTOGRAPHS]
    began = time.process_time()
    measurer = load()
    loaded = time.process_time()
    for _ in range(ROUNDS):
        measurer.measure(pictures, [None] * len(pictures))
    seconds = (time.process_time() - loaded) / ROUNDS / len(pictures)
    cost = seconds * 1_000_000 * GIBIBYTES * costs.LAMBDA_GIB_SECOND
    print(
        f"{measurer.name} {measurer.version}: loads in {loaded - began:.2f} s,"
        f" {seconds * 1_000:.0f} ms a picture, ${cost:.2f} a million"
    )


if __name__ == "__main__":
    main()
