"""What two signatures tell of two pictures, from their files on."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.imaging.second_look import agree, are_copies, signature_of
from crawlset.imaging.signatures import HUE_SIDE, N_GREY, SIGNATURE_BYTES, ratio_byte
from crawlset_local.sample_site.photographs import photograph_pixels
from tests.bench.transforms import ODD, USUAL, Transform

PHOTOGRAPHS = ("chelsea", "coffee", "astronaut", "rocket")
CHANGES = USUAL | ODD
WHITE, SKY = (255, 255, 255), (120, 160, 220)


def signature(image: Image.Image) -> bytes:
    body = io.BytesIO()
    image.save(body, "PNG")
    return of_file(body.getvalue())


def of_file(data: bytes) -> bytes:
    seen = describe(data)
    assert isinstance(seen, Features), seen
    return base64.b64decode(seen.signature)


def compared(one: bytes, *others: bytes, bits: int = 6) -> list[bool]:
    pairs = np.array([(0, place) for place in range(1, len(others) + 1)])
    return are_copies([one, *others], pairs, np.full(len(pairs), bits)).tolist()


def photograph(name: str) -> Image.Image:
    image = photograph_pixels(name).convert("RGB")
    image.thumbnail((640, 640))
    return image


def drawn(ground: tuple[int, int, int], *spots: Sequence[int], fill: str = "black") -> Image.Image:
    """A plain picture with ellipses."""
    image = Image.new("RGB", (320, 240), ground)
    draw = ImageDraw.Draw(image)
    for spot in spots:
        draw.ellipse(tuple(spot), fill=fill)
    return image


def noise(seed: int) -> Image.Image:
    """Soft coloured clouds."""
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(pixels).resize((320, 240), Image.Resampling.BICUBIC)


class TestCopies:
    @pytest.mark.parametrize("name", ["chelsea", "coffee", "astronaut"])
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
    def test_agree(self, name: str, change: Transform) -> None:
        image = photograph(name)

        assert compared(signature(image), of_file(change(image))) == [True]

    @pytest.mark.parametrize("name", ["brick", "grass", "hubble-deep-field"])
    @pytest.mark.parametrize("change", ["watermark", "white border of 5 %", "cropped by 10 %"])
    def test_agree_where_nothing_but_texture_is_to_be_seen(self, name: str, change: str) -> None:
        image = photograph(name)

        assert compared(signature(image), of_file(CHANGES[change](image)), bits=8) == [True]

    def test_agree_in_grey(self) -> None:
        image = photograph("coffee")

        assert compared(signature(image), signature(image.convert("L"))) == [True]

    def test_agree_in_other_colours(self) -> None:
        image = photograph("coffee")
        luma, cb, cr = image.convert("YCbCr").split()
        faded = [plane.point(lambda value: 128 + (value - 128) // 2) for plane in (cb, cr)]

        assert compared(
            signature(image), signature(Image.merge("YCbCr", (luma, *faded)).convert("RGB"))
        ) == [True]

    @pytest.mark.parametrize(("bits", "expected"), [(0, True), (2, True), (3, False), (10, False)])
    def test_agree_the_sooner_the_nearer_their_hashes_are(self, bits: int, expected: bool) -> None:
        """The middle of a rocket on its way, without most of the sky: 1 bit from the whole."""
        image = photograph("rocket")
        middle = of_file(ODD["middle, magnified 1.5 times"](image))

        assert compared(signature(image), middle, bits=bits) == [expected]

    def test_agree_mirrored_and_turned_and_cut_at_once(self) -> None:
        image = photograph("chelsea")
        copy = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(4).crop((30, 20, 420, 280))

        assert compared(signature(image), signature(copy)) == [True]


class TestOthers:
    def test_do_not_agree(self) -> None:
        one, *others = (signature(photograph(name)) for name in PHOTOGRAPHS)

        assert compared(one, *others) == [False] * 3

    def test_of_the_same_large_shapes_do_not_agree(self) -> None:
        """What the hash sees is the same; what is in it is not."""
        light = Image.fromarray(np.linspace(40, 200, 240, dtype=np.uint8)[:, None].repeat(320, 1))
        one, other = (
            Image.blend(light.convert("RGB"), noise(seed).resize((320, 240)), 0.4)
            for seed in (1, 2)
        )

        assert compared(signature(one), signature(other)) == [False]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ([(60, 100, 100, 120)], [(64, 96, 90, 126)]),
            ([(60, 100, 100, 120), (90, 90, 110, 130)], [(60, 100, 100, 120)]),
        ],
        ids=["another_spot", "one_spot_more"],
    )
    def test_on_a_plain_ground_do_not_agree(
        self, one: list[Sequence[int]], other: list[Sequence[int]]
    ) -> None:
        assert compared(signature(drawn(SKY, *one)), signature(drawn(SKY, *other))) == [False]

    def test_that_are_plain_do_not_agree(self) -> None:
        """Nothing in them says that they are copies; equal ones have equal bytes or pixels."""
        assert compared(signature(drawn(SKY)), signature(drawn(WHITE))) == [False]


class TestAreCopies:
    def test_takes_none_without_signature_for_a_copy(self) -> None:
        image = signature(photograph("coffee"))

        assert compared(image, b"", image) == [False, True]
        assert compared(b"", b"") == [False]

    @pytest.mark.parametrize("paper", ["white", "black"])
    def test_sees_what_is_clear_on_both_papers(self, paper: str) -> None:
        clear = photograph("chelsea").convert("RGBA")
        clear.putalpha(Image.linear_gradient("L").resize(clear.size))
        flat = Image.new("RGB", clear.size, paper)
        flat.paste(clear, mask=clear)
        first = signature(clear)

        assert len(first) == 2 * SIGNATURE_BYTES
        assert compared(first, signature(flat)) == [True]
        assert compared(signature(flat), first) == [True]

    def test_of_no_pairs_says_nothing(self) -> None:
        assert are_copies([], np.empty((0, 2), dtype=np.int64), np.empty(0)).tolist() == []

    def test_answers_for_each_pair_as_for_it_alone(self) -> None:
        """Pairs are compared many at once."""
        photographs = [photograph(name) for name in PHOTOGRAPHS]
        signed = [signature(image) for image in photographs]
        signed += [of_file(USUAL["cropped by 10 %"](image)) for image in photographs]
        rows = np.frombuffer(b"".join(signed), np.uint8).reshape(len(signed), -1)
        pairs = np.array([(a, b) for a in range(8) for b in range(8)] * 5)

        bits = np.arange(len(pairs)) % 11
        together = agree(rows, pairs, bits).tolist()

        assert together == [
            agree(rows, pairs[at : at + 1], bits[at : at + 1])[0] for at in range(len(pairs))
        ]
        assert together[:64] == [a % 4 == b % 4 for a in range(8) for b in range(8)]


class TestSignature:
    @pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (17, 64)])
    def test_is_made_of_any_size(self, size: tuple[int, int]) -> None:
        grey = np.full(size[::-1], 7, np.uint8)
        chroma = np.full((*grey.shape, 2), 130, np.uint8)

        for hues in (None, chroma):
            made = signature_of(grey, hues, (0, 0, *size))
            assert (len(made), made[0]) == (SIGNATURE_BYTES, ratio_byte(*size))

    def test_has_the_hues_that_each_channel_has_alone(self) -> None:
        picture = photograph("coffee").resize((125, 94)).convert("YCbCr")
        grey, *chroma = (np.asarray(channel) for channel in picture.split())
        left, top, right, bottom = box = (3.0, 2.5, 120.25, 93.75)

        made = signature_of(grey, np.stack(chroma, axis=2), box)

        half = (left / 2, top / 2, right / 2, bottom / 2)
        planes = [
            Image.fromarray(np.ascontiguousarray(hue[::2, ::2])).resize(
                (HUE_SIDE, HUE_SIDE), Image.Resampling.BOX, half
            )
            for hue in chroma
        ]
        assert made[1 + N_GREY :] == b"".join(plane.tobytes() for plane in planes)
        assert planes[0] != planes[1]

    @pytest.mark.parametrize(
        ("sides", "expected"),
        [((1, 1), 128), ((2, 1), 160), ((1, 2), 96), ((1, 10_000), 1), ((10_000, 1), 255)],
    )
    def test_begins_with_the_ratio_of_the_sides(
        self, sides: tuple[int, int], expected: int
    ) -> None:
        assert ratio_byte(*sides) == expected
