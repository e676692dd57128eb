"""The size of the largest complete checkpoint of a training."""

from __future__ import annotations

from pathlib import Path

from xlgap.formats import write_json
from xlgap.stages.checkpoint_size import largest_checkpoint


def checkpoint(folder: Path, *, size: int, world: int, ranks: int) -> int:
    """Bytes of a checkpoint of ``world`` ranks of which ``ranks`` have written their part."""
    folder.mkdir(parents=True)
    (folder / "states.pt").write_bytes(bytes(size))
    for rank in range(ranks):
        write_json(folder / f"rank{rank}.json", {"rank": rank, "world": world})
    return sum(path.stat().st_size for path in folder.iterdir())


def test_the_largest_complete_one_of_all_phases_counts(tmp_path: Path) -> None:
    assert largest_checkpoint(tmp_path / "none") is None
    checkpoint(tmp_path / "phase0" / "step3", size=9000, world=2, ranks=1)  # cut short
    checkpoint(tmp_path / "phase0" / "step4", size=9000, world=2, ranks=0)
    assert largest_checkpoint(tmp_path) is None
    first = checkpoint(tmp_path / "phase0" / "step5", size=3000, world=2, ranks=2)
    assert largest_checkpoint(tmp_path) == first
    second = checkpoint(tmp_path / "phase1" / "step2", size=4000, world=1, ranks=1)
    checkpoint(tmp_path / "phase1" / "universal-7", size=9000, world=1, ranks=1)
    assert largest_checkpoint(tmp_path) == second > first
    (tmp_path / "phase1" / "step2" / "rank0.json").write_text("{")
    assert largest_checkpoint(tmp_path) == first
