"""The table ``distances.csv``, computed again from URIEL: ``python -m xlgap.published.uriel [FILE]``.

URIEL (Littell et al. 2017, URIEL and lang2vec: Representing languages as typological, geographical, and
phylogenetic vectors, EACL) is read through lang2vec 1.1.2, which the extra ``distances`` installs; the
analysis reads the carried table and needs neither. lang2vec 1.1.2 has vectors and no distances: here a
distance is one minus the cosine of two vectors.

Of each typological family there are two distances. The imputed one takes the ``*_knn`` vectors, in
which a value that no source has is predicted from related and neighbouring languages, so that it is
partly the genetic and the geographic distance over again. The observed one takes the ``*_average``
vectors (the mean over sources) on those features that are known of both languages, and so a different
set of features for each language; how many they are stands beside it.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xlgap.errors import DataError
from xlgap.formats import write_text
from xlgap.languages import LANGUAGES
from xlgap.published.loader import read_table

FAMILIES = ("syntax", "phonology", "inventory")
OTHER_CODES = {"ekk": "est"}
"""URIEL has some languages under the code of the macrolanguage."""

MISSING = "--"
"""What lang2vec puts for a value that no source has."""

COLUMNS = (
    "iso639_1",
    "uriel_code",
    *(
        f"{family}_{word}"
        for family in FAMILIES
        for word in ("imputed", "observed", "features_both", "features_english")
    ),
    "genetic",
    "geographic_km",
    "other_script",
)

Vectors = Mapping[str, Sequence[float | str]]


def uriel_code(iso639_3: str) -> str:
    """The code under which URIEL has a language."""
    return OTHER_CODES.get(iso639_3, iso639_3)


def cosine_distance(a: Sequence[float], b: Sequence[float]) -> float | None:
    """One minus the cosine; ``None`` where one of the vectors is empty or all 0."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return 1 - float(x @ y) / norm if norm > 0 else None


def observed_distance(a: Sequence[float | str], b: Sequence[float | str]) -> tuple[float | None, int]:
    """Distance on the features that are known of both, and how many these are."""
    both = [(float(x), float(y)) for x, y in zip(a, b, strict=True) if x != MISSING and y != MISSING]
    return cosine_distance([x for x, _ in both], [y for _, y in both]), len(both)


def distance_rows(
    vectors: Mapping[str, Vectors], kilometres: Mapping[str, str]
) -> list[dict[str, str]]:
    """One row a language of XTREME-R, in the order of :data:`~xlgap.languages.LANGUAGES`.

    Args:
        vectors: for each vector set of lang2vec the vectors by URIEL code.
        kilometres: great-circle distance from English by ISO 639-1 code, as text.
    """
    script = {language.code: language.script for language in LANGUAGES}
    rows = []
    for language in LANGUAGES:
        code = uriel_code(language.iso639_3)
        row = {"iso639_1": language.code, "uriel_code": code}
        for family in FAMILIES:
            imputed, average = vectors[f"{family}_knn"], vectors[f"{family}_average"]
            full = cosine_distance(_known(imputed["eng"]), _known(imputed[code]))
            part, features = observed_distance(average["eng"], average[code])
            row |= {
                f"{family}_imputed": _text(full),
                f"{family}_observed": _text(part),
                f"{family}_features_both": str(features),
                f"{family}_features_english": str(len(_known(average["eng"]))),
            }
        row["genetic"] = _text(
            cosine_distance(_known(vectors["fam"]["eng"]), _known(vectors["fam"][code]))
        )
        row["geographic_km"] = kilometres[language.code]
        row["other_script"] = str(int(language.script != script["en"]))
        rows.append(row)
    return rows


def _known(vector: Sequence[float | str]) -> list[float]:
    return [float(value) for value in vector if value != MISSING]


def _text(value: float | None) -> str:
    return "" if value is None else f"{abs(value):.4f}"


def uriel_vectors() -> dict[str, Vectors]:
    """The vectors of all languages, by the name of their set.

    Raises:
        DataError: lang2vec is not installed.
    """
    try:
        import lang2vec.lang2vec as uriel
    except ImportError as error:
        raise DataError(
            "lang2vec is not installed; install the extra with \"pip install 'xlgap[distances]'\"."
        ) from error
    codes = sorted({uriel_code(language.iso639_3) for language in LANGUAGES})
    names = (*(f"{f}_{kind}" for f in FAMILIES for kind in ("knn", "average")), "fam")
    return {name: uriel.get_features(codes, name) for name in names}


def write_distances(path: Path) -> None:
    """Compute the table and write it; kilometres are those of ``languages.csv`` (Glottolog)."""
    kilometres = {row["iso639_1"]: row["dist_en_geographic_km"] for row in read_table("languages")}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(distance_rows(uriel_vectors(), kilometres))
    write_text(path, text.getvalue())


if __name__ == "__main__":
    here = Path(__file__).parent / "tables" / "distances.csv"
    write_distances(Path(sys.argv[1]) if len(sys.argv) > 1 else here)
