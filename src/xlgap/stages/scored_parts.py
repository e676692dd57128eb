"""Finished parts of what is scored again of a cell: kept in scratch until all of them are there."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import xlgap
from xlgap import layout
from xlgap.analysis.retention.rows import RetentionScore
from xlgap.formats import atomic_dir, digest, dir_digest, file_digest, read_json, write_json
from xlgap.retained import Retained
from xlgap.stages.prepare import scored_again
from xlgap.stages.recipe import train_digest
from xlgap.stages.start import Start, arm_start
from xlgap.stages.study import Study

Scored = tuple[RetentionScore, pd.DataFrame]


@dataclass(frozen=True)
class Parts:
    """The parts of one seed, by name, in ``folder``."""

    folder: Path

    def __contains__(self, name: str) -> bool:
        return (self.folder / name).is_dir()

    def keep(self, name: str, found: Iterable[Scored]) -> None:
        """Compute a part, unless it is there."""
        if name in self:
            return
        scored = list(found)
        with atomic_dir(self.folder / name) as part:
            write_json(part / "scores.json", [dataclasses.asdict(score) for score, _ in scored])
            items = pd.concat([frame for _, frame in scored], ignore_index=True)
            items.to_parquet(part / "items.parquet", index=False)

    def read(self, names: Sequence[str]) -> tuple[list[RetentionScore], list[pd.DataFrame]]:
        """Scores and items of parts, in the order given."""
        scores = [
            RetentionScore(**of)
            for name in names
            for of in read_json(self.folder / name / "scores.json", [{}])
        ]
        return scores, [pd.read_parquet(self.folder / name / "items.parquet") for name in names]

    def remove(self) -> None:
        """They are where they belong."""
        shutil.rmtree(self.folder, ignore_errors=True)


def parts_of(study: Study, retained: Retained, start: Start, *, seed: int) -> Parts:
    """The parts of one seed, in a folder that is named by all that scores depend on.

    Args:
        study: of the cell.
        retained: the cell and its earlier tasks.
        start: its pretrained weights.
        seed: of the run.
    """
    params, cell = study.params, retained.cell
    after_warm = arm_start(params, cell.model, cell.arm, seed=seed).digest
    code = sorted(Path(xlgap.__file__).parent.rglob("*.py"))
    of = {
        "cell": cell.key,
        "seed": seed,
        "weights": train_digest(study, cell.model, after_warm, cell.phases, seed),
        "start": start.digest,
        "rows": {name: scored_again(study, name) for name in retained.tasks},
        "entries": {name: params.task(name).model_dump() for name in retained.tasks},
        "text": dir_digest(layout.HELDOUT_TEXT),
        "languages": params.languages.evaluation,
        "evaluation": params.evaluation.model_dump(),
        "pretrain": params.pretrain.model_dump(),
        "code": [file_digest(path) for path in code],
    }
    return Parts(layout.scratch(digest(of)))
