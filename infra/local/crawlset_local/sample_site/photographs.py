"""
The photographs that the sample site is made of, each CC0 or in the public domain.

Titles and keywords are ours. Authors and licences on the sample site are made up as test data;
`originals/README.md` says where each photograph really comes from.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Photograph:
    file: str
    title: str
    keywords: tuple[str, ...]
    mode: str = "RGB"
    """Pillow's: L if it has no colours, which WebP cannot say."""

    @property
    def path(self) -> Path:
        return Path(__file__).parent / "originals" / self.file

    @property
    def name(self) -> str:
        return Path(self.file).stem.replace("_", "-")


FEATURED = ("chelsea", "coffee", "rocket")

PHOTOGRAPHS = {
    photograph.name: photograph
    for photograph in (
        Photograph("chelsea.webp", "Chelsea the cat", ("cat", "animal", "pet")),
        Photograph("coffee.webp", "A cup of coffee", ("coffee", "drink", "table")),
        Photograph("rocket.jpg", "Rocket on the launch pad", ("rocket", "space", "night")),
        Photograph("astronaut.webp", "Portrait of an astronaut", ("astronaut", "space", "person")),
        Photograph("hubble_deep_field.jpg", "Deep field", ("galaxy", "space", "night")),
        Photograph("coins.webp", "Greek coins", ("coin", "museum"), "L"),
        Photograph("camera.webp", "Cameraman", ("camera", "person"), "L"),
        Photograph("horse.webp", "Silhouette of a horse", ("horse", "animal")),
        Photograph("grass.webp", "Grass", ("grass", "texture"), "L"),
        Photograph("gravel.webp", "Gravel", ("gravel", "texture"), "L"),
        Photograph("brick.webp", "Brick wall", ("brick", "texture"), "L"),
        Photograph("retina.jpg", "Retina", ("retina", "medicine")),
        Photograph("ihc.webp", "Stained tissue", ("tissue", "medicine")),
        Photograph("cell.png", "A cell", ("cell", "medicine"), "L"),
        Photograph("clock_motion.webp", "A clock in motion", ("clock", "time"), "L"),
    )
}


@cache
def photograph_size(name: str) -> tuple[int, int]:
    """Width and height in pixels, read from the header alone."""
    with Image.open(PHOTOGRAPHS[name].path) as image:
        return image.size


@cache
def photograph_pixels(name: str) -> Image.Image:
    """The photograph as L or RGB. It is shared: never change it in place."""
    with Image.open(PHOTOGRAPHS[name].path) as image:
        return image.convert(PHOTOGRAPHS[name].mode)
