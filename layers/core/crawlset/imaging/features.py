"""
What a decoding child is asked and what it answers; the parent imports this and no decoder.
"""

import base64
import math
import re
import struct
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from crawlset import embedded
from crawlset.embedded import Embedded
from crawlset.imaging.signatures import SIGNATURE_BYTES
from crawlset.outcomes import Outcome
from crawlset.resizing import EXTENSIONS, Intake, Resize, ResizeMode, StoredFormat

REQUEST = struct.Struct("<IQ")
"""Before a question: bytes of JSON, bytes of the file."""
REPLY = struct.Struct("<II")
"""Before an answer: bytes of JSON, bytes of the transformed picture."""
MAX_ANSWER_BYTES = 1 << 16
MAX_TRANSFORMED_BYTES = 32 << 20
CHANNELS = 3
"""Bytes of a pixel that is shown."""
_MAX_TEXT = 200
_MAX_SIDE = 1 << 31
_HASHES = range(-(1 << 63), 1 << 63)
_N_HASHES = frozenset({6, 7})
_WORDS = re.compile(r"[a-z0-9_ ]{1,300}")
_WORD = re.compile(r"[A-Za-z0-9;_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Transformed:
    """The picture as it is to be stored."""

    data: bytes
    format: str
    width: int
    height: int
    mode: str = "RGB"


@dataclass(frozen=True, slots=True)
class Features:
    """
    What one decode tells.

    Sides are as encoded; everything else is of the picture set upright, on paper if it can be seen
    through.
    """

    format: str
    width: int
    height: int
    mode: str
    n_frames: int
    orientation: int | None
    phashes: tuple[int, ...]
    """
    Perceptual hashes, signed 64 bits: whole, mirrored, without 5 %, 10 % and a sixth of each side,
    turned by 5 degrees.

    One more of the whole on the other paper, if the picture can be seen through and is seen there.
    """
    pixel_hash: int
    """Hash of the size and the pixels; of a JPEG as it is decoded small. Signed 64 bits."""
    scores: dict[str, float]
    warning: str | None = None
    """What the decoder found odd and could mend without loss."""
    data_mining: str | None = None
    """`plus:DataMining` of the XMP in the file: the last part of its value, `DMI-PROHIBITED`."""
    embedded: Embedded = field(default_factory=dict)
    """What the file says about itself, the location included."""
    transformed: Transformed | None = None
    colours: int = 0
    """Packed by `imaging.colours`, signed 64 bits; 0 is grey."""
    mosaic: int | None = None
    """Packed by `imaging.mosaic`, signed 64 bits; None unless it has few grey levels."""
    is_clear: bool = False
    """Whether any of it can be seen through."""
    signature: str = ""
    """By `imaging.second_look`, in base64; followed by one on the other paper, as in `phashes`."""


@dataclass(frozen=True, slots=True)
class Rejection:
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Asks for a picture of this format without its metadata; its pixels are not decoded."""

    format: str


@dataclass(frozen=True, slots=True)
class Take:
    """Asks for a picture if a job takes its format, stored as the job wants it."""

    intake: Intake
    resize: Resize | None = None


@dataclass(frozen=True, slots=True)
class Show:
    """Asks for the pixels of a picture, made smaller to `max_side` if its longer side is longer."""

    max_side: int


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels of an upright picture, on paper if it can be seen through: rows of RGB, 8 bits."""

    data: bytes
    width: int
    height: int


PartBox = tuple[int, int, int, int]
"""Left, top, width and height of a part of an upright picture, in `PARTS` of its sides."""
PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Blur:
    """Asks for a picture with these parts of it blurred, and made as `resize` says."""

    resize: Resize
    boxes: tuple[PartBox, ...]


Asked = Resize | Blur | Show | Strip | Take | None
"""What a child may be asked of a file; nothing but a description if it is None."""


def question_message(asked: Asked) -> dict[str, Any] | None:
    """What a child is asked, as JSON data; `question_from` is its inverse."""
    if isinstance(asked, Strip):
        return {"strip": asked.format}
    if isinstance(asked, Show):
        return {"show": asked.max_side}
    return asdict(asked) if asked is not None else None


def question_from(message: dict[str, Any] | None) -> Asked:
    """Raises what `resize_from` does."""
    if message is not None and "strip" in message:
        return Strip(message["strip"])
    if message is not None and "show" in message:
        return Show(message["show"])
    if message is not None and "boxes" in message:
        return _blur_from(message)
    if message is None or "intake" not in message:
        return resize_from(message)
    formats, transcode = message["intake"]["formats"], message["intake"]["transcode"]
    intake = Intake(tuple(formats), StoredFormat(transcode) if transcode is not None else None)
    return Take(intake, resize_from(message["resize"]))


def _blur_from(message: dict[str, Any]) -> Blur:
    wanted = resize_from(message["resize"])
    if wanted is None:
        raise ValueError("blurred as nobody says")
    return Blur(
        wanted, tuple((left, top, width, height) for left, top, width, height in message["boxes"])
    )


def resize_from(message: dict[str, Any] | None) -> Resize | None:
    """A `Resize` from its JSON; raises `ValueError`, `TypeError` or `KeyError` on anything else."""
    if message is None:
        return None
    fields = dict(message)
    return Resize(
        mode=ResizeMode(fields.pop("mode")),
        format=StoredFormat(fields.pop("format", StoredFormat.jpeg)),
        **fields,
    )


def resize_message(resize: Resize | None) -> dict[str, Any] | None:
    return asdict(resize) if resize is not None else None


def result_message(result: Features | Rejection) -> dict[str, Any]:
    """`result` as JSON data, without the bytes of `transformed`; `result_from` is its inverse."""
    if isinstance(result, Rejection):
        return asdict(result)
    message = {name: getattr(result, name) for name in Features.__slots__}
    if (picture := result.transformed) is not None:
        message["transformed"] = asdict(replace(picture, data=b"")) | {"data": None}
    return message


def result_from(message: dict[str, Any], data: bytes) -> Features | Rejection:
    """
    What a child answered: `message`, and `data` of the transformed picture.

    The child may have been taken over by what it decoded. Raises `ValueError`, `TypeError`,
    `KeyError` or `AttributeError` on anything that no sound child answers.
    """
    if "outcome" in message:
        return Rejection(Outcome(message["outcome"]), _text(message["detail"]))
    fields = dict(message)
    transformed = fields.pop("transformed")
    fields["phashes"] = tuple(fields["phashes"])
    features = Features(**fields)
    _check(features)
    if transformed is None:
        return features
    picture = Transformed(**transformed | {"data": data})
    _claim(data)
    _claim(StoredFormat(picture.format) and _WORD.fullmatch(picture.mode))
    _claim(_are_whole(range(1, _MAX_SIDE), picture.width, picture.height))
    return replace(features, transformed=picture)


def stripped_message(result: bytes | Rejection) -> dict[str, Any]:
    """`result` as JSON data, without the bytes; `stripped_from` is its inverse."""
    return asdict(result) if isinstance(result, Rejection) else {"size": len(result)}


def stripped_from(message: dict[str, Any], data: bytes) -> bytes | Rejection:
    """What a child answered to `Strip`: `message`, and `data`. Raises what `result_from` does."""
    if "outcome" in message:
        return Rejection(Outcome(message["outcome"]), _text(message["detail"]))
    _claim(message["size"] == len(data) > 0)
    return data


def pixels_message(result: Pixels | Rejection) -> dict[str, Any]:
    """`result` as JSON data, without the bytes; `pixels_from` is its inverse."""
    if isinstance(result, Rejection):
        return asdict(result)
    return {"width": result.width, "height": result.height}


def pixels_from(message: dict[str, Any], data: bytes) -> Pixels | Rejection:
    """What a child answered to `Show`: `message`, and `data`. Raises what `result_from` does."""
    if "outcome" in message:
        return Rejection(Outcome(message["outcome"]), _text(message["detail"]))
    shown = Pixels(data, **message)
    _claim(_are_whole(range(1, _MAX_SIDE), shown.width, shown.height))
    _claim(len(data) == shown.width * shown.height * CHANNELS)
    return shown


def _check(seen: Features) -> None:
    _claim(seen.format in EXTENSIONS and _WORD.fullmatch(seen.mode))
    _claim(_are_whole(range(1, _MAX_SIDE), seen.width, seen.height, seen.n_frames))
    _claim(seen.orientation is None or _are_whole(range(1, 9), seen.orientation))
    _claim(len(seen.phashes) in _N_HASHES and _are_whole(_HASHES, *seen.phashes))
    _claim(_are_whole(_HASHES, seen.pixel_hash, seen.colours))
    _claim(seen.mosaic is None or _are_whole(_HASHES, seen.mosaic))
    _claim(type(seen.is_clear) is bool)
    n_signed = len(seen.phashes) - min(_N_HASHES) + 1
    _claim(len(base64.b64decode(seen.signature, validate=True)) == n_signed * SIGNATURE_BYTES)
    _claim(_WORDS.fullmatch(" ".join(seen.scores)))
    _claim({type(score) for score in seen.scores.values()} == {float})
    _claim(math.isfinite(sum(seen.scores.values())))
    _claim(seen.warning is None or _text(seen.warning))
    _claim(seen.data_mining is None or _WORD.fullmatch(seen.data_mining))
    _claim(embedded.is_sound(seen.embedded))


def _are_whole(among: range, *numbers: int) -> bool:
    is_whole = {type(number) for number in numbers} == {int}
    return is_whole and min(numbers) in among and max(numbers) in among


def printable(text: str) -> str:
    """The beginning of `text`, as long as an answer may be, in letters that it may have."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_MAX_TEXT])


def _text(value: str) -> str:
    _claim(len(value) <= _MAX_TEXT and value.isprintable())
    return value


def _claim(holds: object) -> None:
    if not holds:
        raise ValueError("an answer that no sound child gives")
