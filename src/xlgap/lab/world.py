"""The lab's world: the languages of a study, able to speak."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypeVar

from xlgap.errors import DataError
from xlgap.lab.draw import salted
from xlgap.lab.lexicon import Lexicon

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True)
class World:
    """The languages that rows are made in; items do not depend on which ones they are.

    Attributes:
        languages: ISO 639-1 codes, each once.
    """

    languages: tuple[str, ...]

    @cached_property
    def lexicons(self) -> Mapping[str, Lexicon]:
        """One lexicon a language, in the order of ``languages``.

        Raises:
            DataError: CLDR has no data of its own for one of them.
        """
        return {code: lexicon(code) for code in self.languages}


@cache
def lexicon(code: str) -> Lexicon:
    """The lexicon of a language, made once a process."""
    return Lexicon(code)


def draw_items(
    make: Callable[[random.Random], Item], *, name: str, split: str, seed: int, count: int
) -> Iterator[Item]:
    """``count`` different items; the first ones do not depend on how many are drawn.

    Item ``i`` comes from a generator of its own, seeded with the lab's draw, ``name``, ``split``,
    ``seed`` and ``i``, so that items agree across languages, studies and machines.

    Raises:
        DataError: the source does not hold so many different items.
    """
    seen: set[Item] = set()
    tries = 0
    while len(seen) < count:
        item = make(random.Random(salted(f"{name}/{split}/{seed}/{tries}")))
        tries += 1
        if item not in seen:
            seen.add(item)
            yield item
        elif tries > 50 * count + 1000:
            raise DataError(
                f"{name}: the lab has only about {len(seen)} different items in its {split} split, "
                f"got a request for {count}; lower the number of rows."
            )
