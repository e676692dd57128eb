"""How much text of each language a published model was pretrained on: a covariate, not a distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from xlgap.published.loader import read_table

CC100 = "cc100_gib"
OWN = {"XLM-R": CC100, "XLM-V": CC100, "mmBERT": "mmbert_pretrain_tokens", "BLOOM": "roots_percent"}
"""Column of ``languages.csv`` that holds a family's own corpus; CC-100 stands in for the others."""

WORDS = {
    CC100: "size in CC-100",
    "mmbert_pretrain_tokens": "tokens of its first pretraining phase",
    "roots_percent": "share of the ROOTS corpus",
}


@dataclass(frozen=True, kw_only=True)
class PretrainingText:
    """Text of each language that a family of models was pretrained on.

    Attributes:
        words: what was counted.
        amounts: log10 of it by ISO 639-1 code; languages without any are not in it.
        stand_in: whether it is another corpus than the family's own.
    """

    words: str
    amounts: dict[str, float]
    stand_in: bool


@cache
def pretraining_text(family: str) -> PretrainingText:
    """The pretraining text of a model family, else CC-100 in its place."""
    column = OWN.get(family, CC100)
    return PretrainingText(
        words=WORDS[column],
        amounts={
            row["iso639_1"]: math.log10(float(row[column]))
            for row in read_table("languages")
            if row[column] and float(row[column]) > 0
        },
        stand_in=family not in OWN,
    )
