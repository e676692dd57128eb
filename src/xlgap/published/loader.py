"""Published results as :class:`~xlgap.records.Score`, the row type of measured ones.

The tables in ``tables/`` are copies of facts from papers, model cards and result files; every row names
where it was seen. Nothing here corrects them: known disagreements stay, and the analysis shows them.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

from xlgap.published import names
from xlgap.records import Score

TABLES = resources.files("xlgap.published") / "tables"


class LanguageFacts(NamedTuple):
    """What the tables know of a language beyond :mod:`xlgap.languages`.

    Attributes:
        code: ISO 639-1.
        syntax: distance from English, 1 - cosine of imputed URIEL syntax vectors.
        cc100_gib: size in the CC-100 corpus, GiB; ``None`` where it has none.
        genus: Glottolog subfamily as Belebele prints it; the code where it prints none.
    """

    code: str
    syntax: float | None
    cc100_gib: float | None
    genus: str


@dataclass(frozen=True)
class KnownDisagreement:
    """Where sources disagree, between each other or inside one, and what they print."""

    where: str
    what: str


@dataclass(frozen=True)
class QuotedGain:
    """A gain over XLM-R large that arXiv 2005.13013 prints or is quoted for.

    Attributes:
        intermediate: intermediate task, or how it was chosen.
        value: points.
        split: of the target tasks; empty where not seen.
        what: which mean it is.
        seen_at: where.
    """

    intermediate: str
    value: float
    split: str
    what: str
    seen_at: str


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of a carried table (``results``, ``models``, ``languages``, ``tasks``)."""
    packed = TABLES / f"{name}.csv.gz"
    if packed.is_file():
        text = gzip.decompress(packed.read_bytes()).decode("utf8")
    else:
        text = (TABLES / f"{name}.csv").read_text(encoding="utf8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@cache
def load_scores() -> tuple[Score, ...]:
    """All published scores, in the order of the table; read once a process."""
    families = {row["model"]: row["family"] for row in read_table("models")}
    return tuple(_score(row, families) for row in read_table("results"))


@cache
def load_languages() -> dict[str, LanguageFacts]:
    """Distances from English and corpus sizes, by ISO 639-1 code."""
    return {
        row["iso639_1"]: LanguageFacts(
            row["iso639_1"],
            _number(row["dist_en_syntax"]),
            _number(row["cc100_gib"]),
            row["subfamily_belebele"] or row["iso639_1"],
        )
        for row in read_table("languages")
    }


@cache
def load_known_disagreements() -> tuple[KnownDisagreement, ...]:
    """Every disagreement between or inside sources that their readers noted."""
    return tuple(
        KnownDisagreement(row["where"], row["what"]) for row in read_table("known_disagreements")
    )


@cache
def load_quoted_gains() -> tuple[QuotedGain, ...]:
    """Gains of English intermediate training to set beside measured ones."""
    return tuple(
        QuotedGain(row["intermediate"], float(row["value"]), row["split"], row["what"], row["seen_at"])
        for row in read_table("quoted_gains")
    )


def family_of(model: str, families: dict[str, str]) -> str:
    """Family of a model; names that the model table lacks are variants: ``BLOOMZ-7b1-mt``.

    A variant takes the family of the longest known name that it starts with, else its own name's first
    word stands for it.
    """
    if model in families:
        return families[model]
    starts = [known for known in families if model.startswith(known)]
    if starts:
        return families[max(starts, key=len)]
    return re.split(r"[-_ ]", model)[0]


def _score(row: dict[str, str], families: dict[str, str]) -> Score:
    task, metric = names.task_name(row["target_task"]), names.metric_name(row["metric"])
    regime = names.regime_name(row["training_regime"])
    seed = re.match(r"seed (\d+)\b", row["note"])
    return Score(
        source="published",
        model=row["model"],
        family=family_of(row["model"], families),
        params_total=_integer(row["params_total"]),
        params_nonembedding=_integer(row["params_nonembedding"]),
        arm=row["training_regime"],
        regime=regime,
        train_language=names.train_language(regime, row["language"]),
        task=task,
        language=row["language"],
        seed=int(seed[1]) if seed else None,
        metric=metric,
        value=float(row["value"]),
        chance=names.CHANCE.get(task) if metric.startswith("accuracy") else None,
        stderr=_number(row["stderr"]),
        n_runs=_integer(row["n_runs"]) or 1,
        seen_at=f"{row['table_or_figure']}; {row['seen_at']}",
        publication=row["source_id"],
        split=names.split_name(row["split"]),
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def _integer(text: str) -> int | None:
    return int(text) if text else None
