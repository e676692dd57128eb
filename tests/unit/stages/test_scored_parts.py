"""Parts of what is scored again: kept once, read in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from xlgap.analysis.retention.rows import RetentionScore
from xlgap.stages.scored_parts import Parts, Scored

SCORE = RetentionScore(
    model="nano", family="lab", params_total=10, params_nonembedding=None, arm="a", regime="joint",
    target="lab_nli", task="lab_typing", language="en", split="test", seed=1, head="kept", own=1,
    phase=1, after="lab_typing[en]", final=False, metric="accuracy", value=1 / 3, chance=None,
    stderr=0.1, n_items=3,
)  # fmt: skip


def scored(value: float) -> Scored:
    return replace(SCORE, value=value), pd.DataFrame({"item": ["x"], "s0": [value]})


def test_a_part_is_computed_once_and_all_are_read_in_the_order_asked_for(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "seed")
    parts.keep("b", [scored(2.0)])
    parts.keep("a", [scored(1 / 3), scored(0.1)])
    parts.keep("a", (pytest.fail("computed again") for _ in range(1)))
    assert "a" in parts
    assert "c" not in parts
    scores, items = parts.read(["a", "b"])
    assert [score.value for score in scores] == [1 / 3, 0.1, 2.0]
    assert scores[0] == SCORE
    assert [list(frame["s0"]) for frame in items] == [[1 / 3, 0.1], [2.0]]
    parts.remove()
    assert not parts.folder.exists()


def test_a_part_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> None:
        raise MemoryError

    parts = Parts(tmp_path / "seed")
    with pytest.raises(MemoryError):
        parts.keep("a", (found for found in [scored(1.0), broken()]))
    assert "a" not in parts
