"""
The photographs the sample site is made of: those shipped in scikit-image's wheel.

Titles and keywords are ours. Authors and licences on the sample site are made up as test data;
where each photograph really comes from is told by `skimage.data`'s own documentation.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Photograph:
    file: str
    title: str
    keywords: tuple[str, ...]

    @property
    def name(self) -> str:
        return Path(self.file).stem.replace("_", "-")


FEATURED = ("chelsea", "coffee", "rocket")

PHOTOGRAPHS = {
    photograph.name: photograph
    for photograph in (
        Photograph("chelsea.png", "Chelsea the cat", ("cat", "animal", "pet")),
        Photograph("coffee.png", "A cup of coffee", ("coffee", "drink", "table")),
        Photograph("rocket.jpg", "Rocket on the launch pad", ("rocket", "space", "night")),
        Photograph("astronaut.png", "Portrait of an astronaut", ("astronaut", "space", "person")),
        Photograph("moon.png", "Surface of the moon", ("moon", "space")),
        Photograph("hubble_deep_field.jpg", "Deep field", ("galaxy", "space", "night")),
        Photograph("motorcycle_left.png", "Motorcycle, from the left", ("motorcycle", "garage")),
        Photograph("motorcycle_right.png", "Motorcycle, from the right", ("motorcycle", "garage")),
        Photograph("coins.png", "Greek coins", ("coin", "museum")),
        Photograph("camera.png", "Cameraman", ("camera", "person")),
        Photograph("horse.png", "Silhouette of a horse", ("horse", "animal")),
        Photograph("grass.png", "Grass", ("grass", "texture")),
        Photograph("gravel.png", "Gravel", ("gravel", "texture")),
        Photograph("brick.png", "Brick wall", ("brick", "texture")),
        Photograph("retina.jpg", "Retina", ("retina", "medicine")),
        Photograph("ihc.png", "Stained tissue", ("tissue", "medicine")),
        Photograph("cell.png", "A cell", ("cell", "medicine")),
        Photograph("page.png", "A printed page", ("page", "text")),
        Photograph("clock_motion.png", "A clock in motion", ("clock", "time")),
    )
}


def photograph_path(name: str) -> Path:
    """Found without importing scikit-image, which takes longer than all the rest."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The sample site needs scikit-image for its photographs.")
    return Path(spec.origin).parent / "data" / PHOTOGRAPHS[name].file


@cache
def photograph_size(name: str) -> tuple[int, int]:
    """Width and height in pixels, read from the header alone."""
    with Image.open(photograph_path(name)) as image:
        return image.size


@cache
def photograph_pixels(name: str) -> Image.Image:
    """The photograph as L or RGB. It is shared: never change it in place."""
    with Image.open(photograph_path(name)) as image:
        return image.convert("L" if image.mode == "L" else "RGB")
