"""
Decides whether two pictures whose perceptual hashes are near are copies of one another.

Hashes of 64 bits tell the large shapes only, which a horse on a meadow shares with other horses on
other meadows. So the signatures of the two (`imaging.signatures`) are laid on each other, mirrored
or not, shifted, scaled and turned as fits best; then their edges and their colours must agree, the
more so the more the one had to be bent. docs/decisions/0045 has the measured curves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from crawlset.imaging.alignment import MARGIN, aligned, blurred, grid, is_inside, mapped, sampled
from crawlset.imaging.orientation import Box
from crawlset.imaging.samples import every_other, grey_image
from crawlset.imaging.signatures import (
    HUE_SIDE,
    N_GREY,
    N_HUE,
    NEUTRAL,
    SIDE,
    SIGNATURE_BYTES,
    SQUARE,
    STEPS_AN_OCTAVE,
    ratio_byte,
)

_DISTANCES = (2, 8)
"""Bits up to which hashes are very near, and near; of such pairs most are copies, of others few."""
_LEAST_AGREEMENT = np.array([1.5, 1.82, 1.97], dtype=np.float32)
"""Agreement from which on two pictures are copies: of hashes very near, near, and farther apart."""
_FAR = 10
"""Bits beyond which nothing but vectors proposes a pair."""
_LEAST_OF_FAR = 2.3
"""Agreement from which on these are copies, whose hashes say nothing for it."""
_NEAR_COSINE, _LEAST_OF_NEAR_COSINE = 0.9, 1.4
"""Cosine of vectors that makes a copy probable, and the agreement that is enough then."""
_SURE_COSINE = 0.97
"""Cosine that makes copies of pictures with near hashes, whatever is seen of them."""
PAIRS_AT_ONCE = 128
"""Pairs that are compared at a time, few enough for the caches of a processor."""
_HALF = SIDE // 2
_MARGINS = (0.0, 0.05, 0.1, 1 / 6)
_STARTS = ((0, 0), (1, 1), (0, 1), (1, 0), (0, 2), (2, 0), (0, 3), (3, 0))
"""Margins of one picture and the other, whose views are held against each other first."""
_LEAST_AT_START = 0.5
"""Correlation of the best start below which two pictures are given up."""
_COARSE, _FINE = 12, 4
"""Steps of alignment, at half the size and in full."""
_RING = round(MARGIN * SIDE)
_BLOCKS = 7
_N_LEFT_OUT = 10
"""Worst of the 7 x 7 blocks, on which a watermark may lie."""
_FEW_BLOCKS = 8.0
"""Blocks with edges below which a picture, such as a bird in the sky, tells little: each halving
costs 1 of agreement."""
_FINE_DETAIL = 2.4
"""Detail above which edges are so fine that they agree by chance in fewer pictures."""
_HUE_NOISE = 9.0
"""Variance of Cb and Cr that means nothing."""
_ALMOST = 0.9995
_GIVEN_UP = -1.0
"""Agreement of two that were not looked at to the end."""
_WEIGHTS = (0.75, 0.25, -0.95, -0.3, 0.4, -0.16)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """n pairs: the grey (n x 32 x 32), Cb and Cr (n x 8 x 8 x 2) and ratio of the sides of each."""

    greys: tuple[np.ndarray, np.ndarray]
    hues: tuple[np.ndarray, np.ndarray]
    ratios: tuple[np.ndarray, np.ndarray]

    def of(self, places: np.ndarray) -> "_Pairs":
        return _Pairs(
            *((one[places], other[places]) for one, other in (self.greys, self.hues, self.ratios))
        )


def signature_of(grey: np.ndarray, chroma: np.ndarray | None, box: Box) -> bytes:
    """
    Make the signature of the part `box` of a picture: `SIGNATURE_BYTES` bytes.

    `grey` is height x width and `chroma`, Cb and Cr, height x width x 2, both uint8; None is grey.
    """
    left, top, right, bottom = box
    ratio = bytes([ratio_byte(right - left, bottom - top)])
    small = grey_image(grey).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box)
    if chroma is None:
        return ratio + small.tobytes() + bytes([NEUTRAL]) * (2 * N_HUE)
    return ratio + small.tobytes() + _small_hues(every_other(chroma), box)


def _small_hues(chroma: np.ndarray, box: Box) -> bytes:
    """
    Cb, then Cr, of the part `box` of a picture whose every other pixel `chroma` is.

    Both go through Pillow as the two channels of one image, in the mode of two that it resizes as
    they are.
    """
    height, width, _ = chroma.shape
    image = Image.frombuffer("La", (width, height), chroma, "raw", "La", 0, 1)
    left, top, right, bottom = box
    half = left / 2, top / 2, right / 2, bottom / 2
    small = image.resize((HUE_SIDE, HUE_SIDE), Image.Resampling.BOX, half)
    return np.frombuffer(small.tobytes(), np.uint8).reshape(-1, 2).T.tobytes()


def known(signatures: np.ndarray) -> np.ndarray:
    """Which of `signatures` (n x SIGNATURE_BYTES) there are; n bool. One that is none is all 0."""
    are_known: np.ndarray = signatures[:, 0] != 0
    return are_known


def are_copies(
    signed: Sequence[bytes],
    pairs: np.ndarray,
    distances: np.ndarray,
    cosines: np.ndarray | None = None,
) -> np.ndarray:
    """
    Whether each of `pairs` (m x 2, places in `signed`) is of copies of one picture; m bool.

    `distances` are bits between the hashes of each pair, and `cosines` those of their vectors, 0 of
    none, where vectors are at hand: the nearer, the less need agree.
    `signed` has of each picture its signature; two, one after the other, of one that is seen on
    white and on black paper, of which one must agree; nothing where it has none.
    """
    places = [place for place, signature in enumerate(signed) if len(signature) > SIGNATURE_BYTES]
    second = np.arange(len(signed))
    second[places] = len(signed) + np.arange(len(places))
    first = [signature[:SIGNATURE_BYTES] or bytes(SIGNATURE_BYTES) for signature in signed]
    body = b"".join([*first, *(signed[place][SIGNATURE_BYTES:] for place in places)])
    signatures = np.frombuffer(body, dtype=np.uint8).reshape(-1, SIGNATURE_BYTES)
    agreeing = agree(signatures, pairs, distances, cosines)
    for side in (0, 1):
        otherwise = pairs.copy()
        otherwise[:, side] = second[pairs[:, side]]
        again = np.flatnonzero(~agreeing & (otherwise[:, side] != pairs[:, side]))
        of_again = None if cosines is None else cosines[again]
        agreeing[again] = agree(signatures, otherwise[again], distances[again], of_again)
    return agreeing


def agree(
    signatures: np.ndarray,
    pairs: np.ndarray,
    distances: np.ndarray,
    cosines: np.ndarray | None = None,
) -> np.ndarray:
    """
    Whether each of `pairs` (m x 2, places in `signatures`) is of copies of one picture; m bool.

    `signatures` is n x SIGNATURE_BYTES, uint8; `distances` and `cosines` as in `are_copies`. Two of
    which one is not `known` do not agree.
    """
    are_agreed: np.ndarray = agreement(signatures, pairs) >= _least_agreement(distances, cosines)
    return are_agreed


def _least_agreement(distances: np.ndarray, cosines: np.ndarray | None) -> np.ndarray:
    least: np.ndarray = _LEAST_AGREEMENT[np.searchsorted(_DISTANCES, distances)]
    if cosines is None:
        return least
    are_far = distances > _FAR
    least[are_far & (cosines > 0)] = _LEAST_OF_FAR
    are_near = cosines >= _NEAR_COSINE
    least[are_near] = np.minimum(least[are_near], np.float32(_LEAST_OF_NEAR_COSINE))
    least[~are_far & (cosines >= _SURE_COSINE)] = _GIVEN_UP
    return least


def agreement(signatures: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """
    How sure it is that each of `pairs` is of copies of one picture; m numbers, float32.

    Those given up on the way have -1.
    """
    found = np.full(len(pairs), _GIVEN_UP, dtype=np.float32)
    for part in _parts(len(pairs)):
        one, other = signatures[pairs[part, 0]], signatures[pairs[part, 1]]
        places = np.flatnonzero(known(one) & known(other))
        found[part][places] = _agreement(one[places], other[places])
    return found


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + PAIRS_AT_ONCE) for start in range(0, n, PAIRS_AT_ONCE))


def _agreement(signed: np.ndarray, others: np.ndarray) -> np.ndarray:
    found = np.full(len(signed), _GIVEN_UP, dtype=np.float32)
    greys = _grey(signed), _grey(others)
    correlation, is_mirrored, scale = _best_start(*greys)
    rest = np.flatnonzero(correlation >= _LEAST_AT_START)
    if not len(rest):
        return found
    pairs = _Pairs(greys, (_hues(signed), _hues(others)), (_ratio(signed), _ratio(others))).of(rest)
    turned = is_mirrored[rest]
    for values in (pairs.greys[1], pairs.hues[1]):
        values[turned] = values[turned, :, ::-1]
    start = np.zeros((len(rest), 6), dtype=np.float32)
    start[:, 1] = start[:, 5] = scale[rest]
    one, other = (blurred(_halved(grey)) for grey in pairs.greys)
    maps, _ = aligned(one, other, start, _COARSE)
    smooth = blurred(pairs.greys[0]), blurred(pairs.greys[1])
    maps, _ = aligned(*smooth, maps, _FINE)
    found[rest] = np.maximum(_under(maps, pairs, smooth), _under(start, pairs, smooth))
    return found


def _under(maps: np.ndarray, pairs: _Pairs, smooth: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Agreement under `maps`: by Fisher's z of correlations, sums that were fitted to labels."""
    whole, most, n_blocks = _edges(smooth, maps)
    together, apart = _colours(*pairs.hues, maps)
    one, other = pairs.ratios
    shear = np.abs(other * maps[:, 2] + maps[:, 4] / one)
    stretch = np.abs(np.log(maps[:, 1] * other / (one * maps[:, 5])))
    measures = (
        np.arctanh(np.clip(whole, 0, _ALMOST)),
        np.arctanh(np.clip(most, 0, _ALMOST)),
        np.minimum(shear, 0.3),
        np.minimum(stretch, 0.5),
        together,
        np.log1p(apart),
    )
    total: np.ndarray = sum(
        weight * measure for weight, measure in zip(_WEIGHTS, measures, strict=True)
    )
    total -= np.log2(_FEW_BLOCKS / np.minimum(n_blocks, _FEW_BLOCKS))
    total += 2 * np.log(np.maximum(_detail(pairs.greys, smooth), _FINE_DETAIL) / _FINE_DETAIL)
    return total


def _grey(signatures: np.ndarray) -> np.ndarray:
    return signatures[:, 1 : 1 + N_GREY].reshape(-1, SIDE, SIDE).astype(np.float32)


def _hues(signatures: np.ndarray) -> np.ndarray:
    planes = signatures[:, 1 + N_GREY : SIGNATURE_BYTES].reshape(-1, 2, HUE_SIDE, HUE_SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1), dtype=np.float32)


def _ratio(signatures: np.ndarray) -> np.ndarray:
    """Width to height of each."""
    octaves: np.ndarray = (signatures[:, 0].astype(np.float32) - SQUARE) / STEPS_AN_OCTAVE
    return np.exp2(octaves)


def _best_start(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correlation of the views that are most alike, whether mirrored, and the scale of these."""
    mine, theirs = ([_view(greys, margin) for margin in _MARGINS] for greys in (one, other))
    correlations = np.array(
        [
            np.einsum("ijk,ijk->i", mine[first], theirs[second][:, :, ::turn])
            for turn in (1, -1)
            for first, second in _STARTS
        ]
    )
    scales = [(1 - 2 * _MARGINS[second]) / (1 - 2 * _MARGINS[first]) for first, second in _STARTS]
    best = correlations.argmax(axis=0)
    scale = np.array(scales, dtype=np.float32)[best % len(_STARTS)]
    return correlations.max(axis=0), best >= len(_STARTS), scale


def _view(greys: np.ndarray, margin: float) -> np.ndarray:
    """Without `margin` of each side, at half the size, with mean 0 and length 1."""
    edges = np.linspace(margin, 1 - margin, _HALF + 1)[:, None] * SIDE
    pixels = np.arange(SIDE)
    covered = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    covered = np.maximum(covered, 0)
    average = (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)
    view: np.ndarray = average @ greys @ average.T
    view -= view.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt(np.einsum("ijk,ijk->i", view, view))
    view /= np.maximum(length, 1)[:, None, None]
    return view


def _halved(greys: np.ndarray) -> np.ndarray:
    halved: np.ndarray = greys.reshape(-1, _HALF, 2, _HALF, 2).mean(axis=(2, 4))
    return halved


def _edges(
    smooth: tuple[np.ndarray, np.ndarray], maps: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Correlation of the slopes of grey where the two overlap; of all, and of the best blocks.

    And over how many blocks the slopes are spread, in the picture where they are over fewer.
    """
    one, other = smooth
    x, y = grid(SIDE)
    across, down = mapped(maps, x, y)
    inside = is_inside(across, down).reshape(one.shape)[:, _RING:-_RING, _RING:-_RING]
    theirs = sampled(other[..., None], across, down).reshape(one.shape)
    first, second = ([slope * inside for slope in _slopes(greys)] for greys in (one, theirs))
    product = _in_blocks(first[0] * second[0] + first[1] * second[1])
    energies = [_in_blocks(a * a + b * b) for a, b in (first, second)]
    shares = [energy / (energy.sum(axis=1, keepdims=True) + 1e-3) for energy in energies]
    length = np.sqrt(np.prod([energy.sum(axis=1) for energy in energies], axis=0) + 1)
    residual = shares[0] + shares[1] - 2 * product / length[:, None]
    best = np.argsort(residual, axis=1, kind="stable")[:, : _BLOCKS * _BLOCKS - _N_LEFT_OUT]
    of_best = [np.take_along_axis(values, best, 1) for values in (product, *energies)]
    n_blocks = 1 / np.maximum(*((share * share).sum(axis=1) + 1e-3 for share in shares))
    return _correlation(product, energies), _correlation(of_best[0], of_best[1:]), n_blocks


def _detail(greys: tuple[np.ndarray, np.ndarray], smooth: tuple[np.ndarray, ...]) -> np.ndarray:
    """How much of the edges blurring takes, in the picture where it takes less: 1 is nothing."""
    before, after = ([_energy(grey) for grey in both] for both in (greys, smooth))
    detail: np.ndarray = np.minimum(before[0] / (after[0] + 1), before[1] / (after[1] + 1))
    return detail


def _energy(greys: np.ndarray) -> np.ndarray:
    energy: np.ndarray = sum((slope * slope).sum(axis=(1, 2)) for slope in _slopes(greys))
    return energy


def _correlation(product: np.ndarray, energies: list[np.ndarray]) -> np.ndarray:
    one, other = (energy.sum(axis=1) for energy in energies)
    correlation: np.ndarray = product.sum(axis=1) / np.sqrt(one * other + 1)
    return correlation


def _slopes(greys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How grey changes across and down, without the outermost pixels."""
    inner, before, after = (slice(_RING + by, SIDE - _RING + by) for by in (0, -1, 1))
    return (
        greys[:, inner, after] - greys[:, inner, before],
        greys[:, after, inner] - greys[:, before, inner],
    )


def _in_blocks(values: np.ndarray) -> np.ndarray:
    """Sums in blocks: n x 49."""
    size = values.shape[1] // _BLOCKS
    sums: np.ndarray = values.reshape(-1, _BLOCKS, size, _BLOCKS, size).sum(axis=(2, 4))
    return sums.reshape(len(values), -1)


def _colours(one: np.ndarray, other: np.ndarray, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of Cb and Cr where the two overlap, 0 of grey; and how far apart they are."""
    x, y = grid(HUE_SIDE)
    across, down = mapped(maps, x, y)
    inside = ((np.abs(across) <= 1) & (np.abs(down) <= 1)).astype(np.float32)[:, :, None]
    count = np.maximum(inside.sum(axis=1, keepdims=True), 1)
    hues = [one.reshape(len(one), -1, 2), sampled(other, across, down)]
    centred = [(hue - (hue * inside).sum(axis=1, keepdims=True) / count) * inside for hue in hues]
    n = 2 * count[:, 0, 0]
    covariance, *variances = (
        np.einsum("ijk,ijk->i", a, b) / n
        for a, b in (centred, (centred[0], centred[0]), (centred[1], centred[1]))
    )
    noisy = np.sqrt((variances[0] + _HUE_NOISE) * (variances[1] + _HUE_NOISE))
    apart = np.abs(centred[0] - centred[1]).sum(axis=(1, 2)) / n
    return covariance / noisy, apart
