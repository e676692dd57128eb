"""The rows that xlgap passes around: one score, measured or published.

Analysis sees only :class:`Score`: published results and our own go through the same type.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Source = Literal["measured", "published"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """One score of one model under one arm, on one language of one task.

    Attributes:
        source: measured by this pipeline, or copied from a publication.
        model: name in ``params.yaml`` or in the published table.
        family: models of one family share data and design (``lab``, ``mT5``, ``XLM-R``).
        params_total: parameters, tied ones counted once.
        params_nonembedding: parameters without token, output, position and type embeddings.
        arm: name of the arm (measured) or the regime text of the source (published).
        regime: regime of house terms: ``direct_en``, ``direct_tgt``, ``intermediate_en``, ...
        train_language: language of the arm's own training data (``en`` for English arms).
        task: target task.
        language: ISO 639-1 code evaluated on, or ``avg``.
        seed: training seed; ``None`` where unknown (published).
        metric: ``accuracy``, ``f1``, ``em``, ``token_accuracy``, ...
        value: 0-100.
        chance: expected value of label-shuffled predictions, 0-100; ``None`` where unknown.
        majority: what always giving the most frequent right answer scores, 0-100; ``None`` where
            answers are no labels, or unknown.
        per_word: what each word's most frequent tag in the task's training data of the language scores,
            0-100; ``None`` where answers are no tags, or unknown.
        stderr: standard error over items, in points; ``None`` where unknown.
        n_items: evaluated items, of token accuracy tokens; ``None`` where unknown.
        n_runs: fine-tuning runs behind the value.
        seen_at: where a published value stands; empty for measured ones.
        publication: key of the published source; empty for measured ones.
        split: evaluation split, ``test`` unless a publication says otherwise.
        learned_nothing: tasks, parted by spaces, that the run's training has learned nothing of: its
            loss on them is that of one answer for all examples.
    """

    source: Source
    model: str
    family: str
    params_total: int | None
    params_nonembedding: int | None
    arm: str
    regime: str
    train_language: str
    task: str
    language: str
    seed: int | None
    metric: str
    value: float
    chance: float | None = None
    majority: float | None = None
    per_word: float | None = None
    stderr: float | None = None
    n_items: int | None = None
    n_runs: int = 1
    seen_at: str = ""
    publication: str = ""
    split: str = "test"
    learned_nothing: str = ""


@dataclass(frozen=True, kw_only=True)
class EditionScore:
    """One score of an edition of the benchmark: of a task, a group of tasks, or the whole.

    Attributes:
        edition: ``xtreme-r`` or ``xtreme``.
        model, arm: whose.
        level: ``task``, ``group`` or ``overall``.
        name: of the task, the group or the edition.
        official, corrected: mean of what is present, 0-100; ``None`` where nothing is.
        spread: standard deviation of ``official`` over seeds; ``None`` with one seed.
        seeds: training seeds behind the means.
        present, missing: languages of a task; tasks of a group or of the whole.
        metric: of a task, official and corrected.
        lacking: tasks of a mean that lack languages.
        capped, standing_in: languages of a task, tasks of a mean, that are present and whose score is
            not the benchmark's: on a part of the test rows, on files in place of the official ones.
        rows, released_rows: of a task's test files in the languages present, how many were scored and
            how many there are; ``None`` where the data do not say.
        stands_in: which files stand in for the official test files of a task.
    """

    edition: str
    model: str
    arm: str
    level: str
    name: str
    official: float | None = None
    corrected: float | None = None
    spread: float | None = None
    seeds: int = 1
    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    metric: str = ""
    lacking: tuple[str, ...] = ()
    capped: tuple[str, ...] = ()
    standing_in: tuple[str, ...] = ()
    rows: int | None = None
    released_rows: int | None = None
    stands_in: str = ""

    @property
    def scored_on(self) -> str:
        """What it is scored on where that is not all of the official test files; empty where it is."""
        if self.level == "task":
            of = f" ({', '.join(self.standing_in)})" if self.standing_in != self.present else ""
            files = f"{self.stands_in} in place of the official test files{of}"
            rows = f"{self.rows:,} of {self.released_rows:,} rows" if self.capped else ""
            return ", ".join(filter(None, (files if self.standing_in else "", rows)))
        part = f"part of the test rows of {', '.join(self.capped)}"
        files = f"files that stand in for the official test files of {', '.join(self.standing_in)}"
        found = (part if self.capped else "", files if self.standing_in else "")
        return " and ".join(filter(None, found))


def official_words(rows: Iterable[EditionScore]) -> str:
    """What the official numbers of ``rows`` are: ``official``, or on what else than the test files."""
    rows = tuple(rows)
    part = "part of the rows" if any(row.capped for row in rows) else ""
    files = "stand-in files" if any(row.standing_in for row in rows) else ""
    found = " and ".join(filter(None, (part, files)))
    return f"official metrics on {found}" if found else "official"
