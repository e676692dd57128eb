"""How far the 50 languages are from English, by measure: the carried table ``distances.csv``.

The table is computed (:mod:`.uriel`), not published. A distance that sources cannot give is ``None``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from xlgap.languages import get_language
from xlgap.published.loader import load_languages, read_table

FEWEST_FEATURES = 20
"""Features known of both languages below which the observed distance is no distance: over two features
it is 0 or 1 by chance. English has 103 of syntax, 25 of phonology and 158 of inventory."""

OBSERVED = ("syntax", "phonology", "inventory")
"""Families of vectors that have an imputed and an observed distance."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One kind of distance from English.

    Attributes:
        name: machine name.
        words: what it is.
        step: slopes are for this much more of it.
        step_words: the step as people say it.
    """

    name: str
    words: str
    step: float
    step_words: str


def _cosine(name: str, words: str) -> Measure:
    return Measure(name=name, words=words, step=0.1, step_words=f"0.1 more of {words}")


MEASURES: tuple[Measure, ...] = (
    _cosine("syntax", "syntactic distance"),
    _cosine("syntax_observed", "syntactic distance on observed features"),
    _cosine("phonology", "phonological distance"),
    _cosine("phonology_observed", "phonological distance on observed features"),
    _cosine("inventory", "distance of phoneme inventories"),
    _cosine("inventory_observed", "distance of phoneme inventories on observed features"),
    _cosine("genetic", "genetic distance"),
    Measure(
        name="geographic", words="geographic distance", step=1000.0, step_words="1,000 km farther away"
    ),
    Measure(name="script", words="script", step=1.0, step_words="another script than English"),
)
"""The measures that depend on the language alone; the first is the primary one."""


class LanguageDistance(NamedTuple):
    """One language's distances from English, and what they rest on.

    Attributes:
        code: ISO 639-1.
        script: ISO 15924.
        genus: WALS genus.
        values: by name of the measure; ``None`` where it is not known.
        features: for each family of vectors, how many features are known of this language and English.
        features_english: how many are known of English.
        cc100_gib: size in CC-100, GiB: a covariate, no distance; ``None`` where it has none.
    """

    code: str
    script: str
    genus: str
    values: dict[str, float | None]
    features: dict[str, int]
    features_english: dict[str, int]
    cc100_gib: float | None

    def missing(self, family: str) -> float:
        """Share of English's features of ``family`` that are not known of this language."""
        return 1 - self.features[family] / self.features_english[family]


@cache
def load_distances() -> dict[str, LanguageDistance]:
    """The 50 languages by ISO 639-1 code."""
    facts = load_languages()
    return {
        row["iso639_1"]: _read(row, facts[row["iso639_1"]].cc100_gib) for row in read_table("distances")
    }


def _read(row: dict[str, str], cc100_gib: float | None) -> LanguageDistance:
    features = {family: int(row[f"{family}_features_both"]) for family in OBSERVED}
    values: dict[str, float | None] = {}
    for family in OBSERVED:
        known = features[family] >= FEWEST_FEATURES
        values[family] = _number(row[f"{family}_imputed"])
        values[f"{family}_observed"] = _number(row[f"{family}_observed"]) if known else None
    values["genetic"] = _number(row["genetic"])
    values["geographic"] = _number(row["geographic_km"])
    values["script"] = _number(row["other_script"])
    language = get_language(row["iso639_1"])
    return LanguageDistance(
        code=language.code,
        script=language.script,
        genus=language.genus,
        values=values,
        features=features,
        features_english={f: int(row[f"{f}_features_english"]) for f in OBSERVED},
        cc100_gib=cc100_gib,
    )


def distances_of(measure: str) -> dict[str, float]:
    """Distance from English of every language that has one, English left out."""
    found = {code: language.values[measure] for code, language in load_distances().items()}
    return {code: value for code, value in found.items() if value is not None and code != "en"}


def _number(text: str) -> float | None:
    return float(text) if text else None
