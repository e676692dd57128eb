"""Named-entity recognition of the lab: territories, languages, currencies and dates.

A sentence puts names, dates and untagged amounts of random kinds in a random order, so that the place
in the sentence does not tell the type. Tokens follow the segments of the sentence: in scripts with
spaces a segment is split at them; in scripts without, a name or a date is a token of its own (split
only where CLDR writes a space), and the patterns around it give the boundaries.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.entities import KINDS
from xlgap.lab.facts import FAMILIES, draw_date, draw_said
from xlgap.lab.lexicon import Lexicon, Mention, Phrase, join
from xlgap.lab.statements import draw_mixed
from xlgap.lab.world import World, draw_items

TAGS = ("O", *(f"{prefix}-{kind}" for kind in (*KINDS, "DATE") for prefix in "BI"))
SHAPES = ("list", "colon", "semicolons")


@dataclass(frozen=True)
class Sentence:
    """Mentions and how they are put together."""

    mentions: tuple[Mention, ...]
    shape: str

    def say(self, lexicon: Lexicon) -> Phrase:
        """The sentence in a language."""
        said = [lexicon.say(mention) for mention in self.mentions]
        if self.shape == "list":
            return lexicon.listing(said)
        if self.shape == "colon":
            return join(": ", [said[0], lexicon.listing(said[1:])])
        return join("; ", said)


def rows(world: World, split: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """``count`` items a language: ``{language, id, group, tokens, tags}``."""
    sentences = list(
        draw_items(
            lambda rng: draw_sentence(rng, split), name="lab_ner", split=split, seed=seed, count=count
        )
    )
    for code, lexicon in world.lexicons.items():
        for index, sentence in enumerate(sentences):
            tokens, tags = tokenise(sentence.say(lexicon))
            item = f"{split}-{index:04d}"
            yield {"language": code, "id": item, "group": item, "tokens": tokens, "tags": tags}


def draw_sentence(rng: random.Random, split: str) -> Sentence:
    """Two or three names of ``split``, and up to two dates of it and amounts."""
    mentions: list[Mention] = [*draw_mixed(rng, split, rng.choice((2, 3)))]
    if rng.random() < 0.5:
        mentions.append(draw_date(rng, split))
    if rng.random() < 0.5:
        mentions.append(draw_said(rng, rng.choice(FAMILIES)))
    rng.shuffle(mentions)
    return Sentence(tuple(mentions), rng.choice(SHAPES))


def tokenise(phrase: Phrase) -> tuple[list[str], list[str]]:
    """Tokens and BIO tags of a phrase; a segment boundary is always a token boundary.

    Names and dates are split at spaces, a comma at the end of a part being its own token; the text
    around them is split at spaces and at every punctuation sign.
    """
    tokens: list[str] = []
    tags: list[str] = []
    for text, tag in phrase:
        parts = _split_name(text) if tag else _split_text(text)
        tokens += parts
        tags += [("B-" if i == 0 else "I-") + tag if tag else "O" for i in range(len(parts))]
    return tokens, tags


def _split_name(text: str) -> list[str]:
    parts: list[str] = []
    for part in text.split():
        bare = part.rstrip(",،、")
        parts += [p for p in (bare, part[len(bare) :]) if p]
    return parts


def _split_text(text: str) -> list[str]:
    spaced = "".join(f" {c} " if unicodedata.category(c)[0] in "PS" else c for c in text)
    return spaced.split()
