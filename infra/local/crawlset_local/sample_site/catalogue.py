"""
Every work of the sample site: where it is, what it claims, how it behaves and what comes of it.

The catalogue is a pure function of nothing: the same works, in the same order, at every start.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from hashlib import sha256
from itertools import count, cycle

from crawlset.outcomes import Outcome
from crawlset_local.sample_site.licences import CC0, CC_BY, ROTATION, Licence
from crawlset_local.sample_site.photographs import FEATURED, PHOTOGRAPHS
from crawlset_local.sample_site.pictures import Box, Encoding, Picture, Treatment

PICTURE_HOSTS = ("photos", "museum", "herbarium", "archive", "press", "studio", "wild")
FAULTS_HOST = "faults"
HOSTS = (*PICTURE_HOSTS, FAULTS_HOST)
AUTHORS = (
    "Ada Lindqvist",
    "Bao Nguyen",
    "Carmen Ortega",
    "Dmitri Volkov",
    "Efua Mensah",
    "Field & Sons",
    "Gülsüm Öztürk",
    None,
)


class Behaviour(StrEnum):
    """How a URL answers."""

    picture = "picture"
    mislabelled = "mislabelled"
    throttled_once = "throttled_once"
    redirect = "redirect"
    redirect_chain = "redirect_chain"
    forbidden = "forbidden"
    missing = "missing"
    gone = "gone"
    throttled = "throttled"
    broken = "broken"
    redirect_metadata = "redirect_metadata"
    redirect_private = "redirect_private"
    redirect_loop = "redirect_loop"
    html = "html"
    noai = "noai"
    tdm_reserved = "tdm_reserved"
    slow_drip = "slow_drip"
    endless = "endless"


@dataclass(frozen=True)
class Work:
    """
    One URL of the site and what a search says about it.

    `outcome` is what a fetch usually comes to when the work's licence is allowed, `also` what is
    right as well. Works with the same `same_bytes_as` (the id of one of them) have equal files: one
    of them is stored, whichever comes first, and the others are duplicates. `near_duplicate_of`
    is the id of the work this one was re-encoded from. `picture` is what a search describes, even
    where the URL answers with something else. `path` is not percent-encoded.
    """

    id: str
    host: str
    path: str
    title: str
    author: str | None
    licence: Licence | None
    keywords: tuple[str, ...]
    picture: Picture
    behaviour: Behaviour = Behaviour.picture
    outcome: Outcome = Outcome.stored
    also: tuple[Outcome, ...] = ()
    same_bytes_as: str | None = None
    near_duplicate_of: str | None = None
    is_listed: bool = True

    @property
    def is_plain(self) -> bool:
        """A picture like any other, fit to be asked for again and again."""
        return "fault" not in self.keywords and "oddity" not in self.keywords


VIEWS: dict[str, Box] = {
    "whole": (0.0, 0.0, 1.0, 1.0),
    "centre": (0.2, 0.2, 0.8, 0.8),
    "left": (0.0, 0.0, 0.6, 1.0),
    "right": (0.4, 0.0, 1.0, 1.0),
    "top": (0.0, 0.0, 1.0, 0.6),
    "bottom": (0.0, 0.4, 1.0, 1.0),
    "north-west": (0.0, 0.0, 0.55, 0.55),
    "north-east": (0.45, 0.0, 1.0, 0.55),
    "south-west": (0.0, 0.45, 0.55, 1.0),
    "south-east": (0.45, 0.45, 1.0, 1.0),
    "close": (0.33, 0.3, 0.67, 0.7),
    "closer-left": (0.1, 0.25, 0.45, 0.65),
    "closer-right": (0.55, 0.25, 0.9, 0.65),
    "wide": (0.05, 0.1, 0.95, 0.9),
    "band": (0.0, 0.42, 1.0, 0.58),
    "column": (0.42, 0.0, 0.58, 1.0),
}
_RE_ENCODED = ("left", "close")
_COPIED = ("bottom", "wide")
_SIDES = (512, 384, 448, 320, 640, 256, 400, 224, 96)
_ENCODINGS = (
    (Encoding.jpeg, 90),
    (Encoding.jpeg, 80),
    (Encoding.png, 0),
    (Encoding.jpeg, 70),
    (Encoding.webp, 80),
    (Encoding.jpeg, 95),
    (Encoding.gif, 0),
    (Encoding.jpeg, 85),
    (Encoding.webp, 60),
    (Encoding.jpeg, 75),
    (Encoding.png, 0),
)


@dataclass(frozen=True)
class _Fault:
    """A way to go wrong, or merely odd; the common ones befall every featured subject."""

    name: str
    behaviour: Behaviour
    outcome: Outcome
    also: tuple[Outcome, ...] = ()
    host: str = FAULTS_HOST
    folder: str | None = None
    treatment: Treatment = Treatment.plain
    encoding: Encoding = Encoding.jpeg
    is_common: bool = False
    is_oddity: bool = False


_PLAIN = Behaviour.picture
_FAULTS = (
    _Fault("missing", Behaviour.missing, Outcome.http_404, is_common=True),
    _Fault("forbidden", Behaviour.forbidden, Outcome.http_403, is_common=True),
    _Fault("noai", Behaviour.noai, Outcome.refused_noai, is_common=True),
    _Fault("private", _PLAIN, Outcome.refused_robots, is_common=True),
    _Fault("html", Behaviour.html, Outcome.not_image, is_common=True),
    _Fault("truncated", _PLAIN, Outcome.truncated, treatment=Treatment.truncated, is_common=True),
    _Fault("redirect", Behaviour.redirect, Outcome.stored, is_common=True),
    _Fault("gone", Behaviour.gone, Outcome.http_410),
    _Fault("throttled-once", Behaviour.throttled_once, Outcome.stored),
    _Fault("throttled", Behaviour.throttled, Outcome.http_429),
    _Fault("broken", Behaviour.broken, Outcome.http_5xx),
    _Fault("redirect-chain", Behaviour.redirect_chain, Outcome.stored),
    _Fault(
        "redirect-metadata",
        Behaviour.redirect_metadata,
        Outcome.blocked_address,
    ),
    _Fault("redirect-private", Behaviour.redirect_private, Outcome.blocked_address),
    _Fault("redirect-loop", Behaviour.redirect_loop, Outcome.too_many_redirects),
    _Fault("tdm-header", Behaviour.tdm_reserved, Outcome.refused_tdm),
    _Fault("reserved", _PLAIN, Outcome.refused_tdm, host="press"),
    _Fault("members", _PLAIN, Outcome.refused_robots, host="studio"),
    _Fault("slow-drip", Behaviour.slow_drip, Outcome.too_slow, (Outcome.timeout,)),
    _Fault("endless", Behaviour.endless, Outcome.too_large),
    _Fault(
        "bomb",
        _PLAIN,
        Outcome.decompression_bomb,
        treatment=Treatment.decompression_bomb,
        encoding=Encoding.png,
    ),
    _Fault(
        "tiff", _PLAIN, Outcome.unsupported_format, (Outcome.not_image,), encoding=Encoding.tiff
    ),
    _Fault(
        "animated",
        _PLAIN,
        Outcome.stored,
        treatment=Treatment.animated,
        encoding=Encoding.gif,
        is_oddity=True,
    ),
    _Fault("cmyk", _PLAIN, Outcome.stored, treatment=Treatment.cmyk, is_oddity=True),
    _Fault("rotated", _PLAIN, Outcome.stored, treatment=Treatment.exif_rotated, is_oddity=True),
    _Fault(
        "deep",
        _PLAIN,
        Outcome.stored,
        treatment=Treatment.sixteen_bit,
        encoding=Encoding.png,
        is_oddity=True,
    ),
    _Fault(
        "pixel",
        _PLAIN,
        Outcome.stored,
        treatment=Treatment.tracking_pixel,
        encoding=Encoding.gif,
        is_oddity=True,
    ),
    _Fault("mislabelled", Behaviour.mislabelled, Outcome.stored, host="wild", is_oddity=True),
    _Fault("accented", _PLAIN, Outcome.stored, host="wild", folder="thé et café", is_oddity=True),
)


@cache
def catalogue() -> tuple[Work, ...]:
    """
    Every work, listed in the search or only redirected to, ids and addresses unique.

    The order mixes subjects, hosts and faults, and is the order of search results.
    """
    works = [*_plain_works(), *_faulty_works()]
    return tuple(sorted(works, key=lambda work: sha256(work.id.encode()).digest()))


def _plain_works() -> Iterator[Work]:
    sides, encodings, hosts = cycle(_SIDES), cycle(_ENCODINGS), cycle(PICTURE_HOSTS)
    licences, authors = cycle(ROTATION), cycle(AUTHORS)
    for name, photograph in PHOTOGRAPHS.items():
        mirrorings = (False, True) if name in FEATURED else (False,)
        for is_mirrored in mirrorings:
            for view, box in VIEWS.items():
                encoding, quality = next(encodings)
                id_ = f"{name}-{view}-mirror" if is_mirrored else f"{name}-{view}"
                picture = Picture(name, box, next(sides), is_mirrored, encoding, quality)
                work = _place(
                    Work(
                        id=id_,
                        host=next(hosts),
                        path="",
                        title=f"{photograph.title} ({view.replace('-', ' ')})",
                        author=next(authors),
                        licence=next(licences),
                        keywords=photograph.keywords,
                        picture=picture,
                    )
                )
                if view in _RE_ENCODED:
                    again = replace(
                        picture, encoding=Encoding.jpeg, quality=62, side=picture.side * 9 // 10
                    )
                    yield _place(
                        replace(
                            work,
                            id=f"{id_}-again",
                            host=next(hosts),
                            licence=next(licences),
                            picture=again,
                            near_duplicate_of=id_,
                        )
                    )
                if view in _COPIED:
                    work = replace(work, also=(Outcome.duplicate_bytes,), same_bytes_as=id_)
                    yield _place(
                        replace(
                            work,
                            id=f"{id_}-copy",
                            host=next(hosts),
                            licence=next(licences),
                            outcome=Outcome.duplicate_bytes,
                            also=(Outcome.stored,),
                        )
                    )
                yield work


def _faulty_works() -> Iterator[Work]:
    number, authors, licences = count(), cycle(AUTHORS), cycle((CC0, CC_BY))
    for position, fault in enumerate(_FAULTS):
        subjects = FEATURED if fault.is_common else (FEATURED[position % len(FEATURED)],)
        for name in subjects:
            photograph = PHOTOGRAPHS[name]
            shift = next(number) / 200
            picture = Picture(
                name,
                (shift, shift / 2, 0.7 + shift, 0.75 + shift / 2),
                side=360,
                encoding=fault.encoding,
                treatment=fault.treatment,
            )
            suffix = "png" if fault.behaviour is Behaviour.mislabelled else fault.encoding.suffix
            work = Work(
                id=f"{name}-{fault.name}",
                host=fault.host,
                path=f"/{fault.folder or fault.name}/{name}.{suffix}",
                title=f"{photograph.title} ({fault.name})",
                author=next(authors),
                licence=next(licences),
                keywords=(*photograph.keywords, "oddity" if fault.is_oddity else "fault"),
                picture=picture,
                behaviour=fault.behaviour,
                outcome=fault.outcome,
                also=fault.also,
            )
            yield work
            if fault.behaviour in (Behaviour.redirect, Behaviour.redirect_chain):
                yield _moved(work)


def _place(work: Work) -> Work:
    """Give the work the kind of path its host uses; the archive's tell no format."""
    if work.host == "archive":
        return replace(work, path=f"/objects/{work.id}")
    folder = work.picture.photograph
    return replace(work, path=f"/{folder}/{work.id}.{work.picture.encoding.suffix}")


def _moved(work: Work) -> Work:
    """Where a redirect ends: a good picture that no search lists."""
    return replace(
        work,
        id=f"{work.id}-moved",
        host=PICTURE_HOSTS[0],
        path=moved_path(work),
        behaviour=Behaviour.picture,
        is_listed=False,
    )


def moved_path(work: Work) -> str:
    return f"/moved/{work.id}.jpg"
