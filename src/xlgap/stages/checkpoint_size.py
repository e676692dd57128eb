"""How large the checkpoints of a training were, which stands beside what was planned."""

from __future__ import annotations

from pathlib import Path

from xlgap.errors import DataError
from xlgap.formats import read_json
from xlgap.training.manifest import folder_of, steps_in


def largest_checkpoint(scratch: Path) -> int | None:
    """Bytes of the largest complete checkpoint of the phases in ``scratch``; ``None`` without one."""
    found = (
        _bytes(folder_of(phase, step)) for phase in scratch.glob("phase*") for step in steps_in(phase)
    )
    return max((size for size in found if size is not None), default=None)


def _bytes(folder: Path) -> int | None:
    """Of all its files; ``None`` where a rank has not written all of its own."""
    try:
        world = read_json(folder / "rank0.json", {"world": int})["world"]
    except DataError:
        return None
    if not all((folder / f"rank{rank}.json").is_file() for rank in range(world)):
        return None
    return sum(path.stat().st_size for path in folder.iterdir())
