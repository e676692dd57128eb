"""How long prepared rows are in sub-words: a sample of each file, where their tokenizer is there.

The ladder's tokenizer stands in the study's directory once its corpus is prepared. Checkpoints have
tokenizers of their own, which are not at hand before they are fetched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from xlgap import layout
from xlgap.cell import max_length
from xlgap.config import Params
from xlgap.tasks import get_task
from xlgap.tasks.base import Choose, Rank, Retrieve, Split

if TYPE_CHECKING:
    from xlgap.models.tokenizer import Tokenizer

SAMPLE = 48
"""Rows of a file that are read, spread evenly over it."""

Lengths = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By split and language: ``examples`` (windows) and ``sequences`` of a row, ``tokens`` of a sequence,
the mean of their squares, ``pairs``."""


def prepared_lengths(directory: Path, params: Params, task: str) -> Lengths:
    """Of a task's prepared rows; empty without the ladder's tokenizer.

    Args:
        directory: of the study.
        params: the study.
        task: whose rows.

    Raises:
        DataError: the tokenizer is damaged.
        TrainingError: a question has no room in its window.
    """
    if not (directory / layout.TOKENIZER).is_file():
        return {}
    from xlgap.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(directory / layout.TOKENIZER)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for path in sorted((directory / layout.prepared(task)).glob("*/*.jsonl")):
        of_file = _of_file(path, params, task, tokenizer)
        if of_file:
            found.setdefault(path.parent.name, {})[path.stem] = of_file
    return found


def _of_file(path: Path, params: Params, name: str, tokenizer: Tokenizer) -> dict[str, float]:
    from xlgap.models.encode import Window, encode

    task = get_task(name)
    lines = path.read_text(encoding="utf8").splitlines()
    rows = [json.loads(line) for line in lines[:: max(1, len(lines) // SAMPLE)]]
    length = max_length(task, params)
    window = Window(max_length=length, stride=min(task.recipe.stride, length // 3))
    split = cast("Split", path.parent.name)
    examples = encode(task.kind_of(split), rows, tokenizer, window)
    sizes = [len(sequence) for example in examples for sequence in example.sequences]
    if not sizes:
        return {}
    return {
        "examples": len(examples) / len(rows),
        "sequences": len(sizes) / len(rows),
        "tokens": sum(sizes) / len(sizes),
        "pairs": sum(size * size for size in sizes) / len(sizes),
    }


def sequences_of(name: str, split: Split) -> int:
    """Sequences that one row becomes; long contexts may become more."""
    kind = get_task(name).kind
    if isinstance(kind, Rank):  # a query and its candidate, where the pool is no split of its own
        return 2 if split in {"train", "dev"} else 1
    if isinstance(kind, Choose):
        return kind.choices
    return 2 if isinstance(kind, Retrieve) else 1
