"""The rows that xlgap passes around: one score, measured or published.

Analysis sees only :class:`Score`: published results and our own go through the same type.
"""

from __future__ import annotations

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
