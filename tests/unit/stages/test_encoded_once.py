"""Training rows and text are encoded once for all trainings that read them as the same sub-words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from xlgap import layout
from xlgap.config import Params
from xlgap.errors import DataError
from xlgap.formats import write_jsonl
from xlgap.models.encode import encode
from xlgap.regimes.base import Phase
from xlgap.stages.encoded import task_examples, text_lines
from xlgap.stages.recipe import window
from xlgap.stages.study import Study
from xlgap.tasks import get_task
from xlgap.training.data import encode_lines

pytestmark = pytest.mark.usefixtures("toy_tasks")
ROWS = [
    {"id": str(n), "group": str(n), "label": "ab"[n % 2], "text": "the cat " * (n + 1), "text_b": "ran"}
    for n in range(5)
]
PHASE = Phase(tasks=("toy_nli",), language="en")


@pytest.fixture
def made(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    write_jsonl(layout.rows("toy_nli", "train", "en"), ROWS)
    return Study(study(tasks={"toy_nli": {}}))


def kept() -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in layout.ENCODED.glob("*")}


def ids(examples: Sequence[Any]) -> list[list[int]]:
    return [e.sequences[0].tolist() for e in examples]


def test_rows_are_encoded_once_and_again_when_they_change(made: Study, tokenizer: Any) -> None:
    task = get_task("toy_nli")
    wanted = ids(encode(task.kind, ROWS, tokenizer, window(task, made.params)))
    assert ids(task_examples(made, tokenizer, PHASE, task)) == wanted
    first = kept()
    assert len(first) == 1
    assert ids(task_examples(made, tokenizer, PHASE, task)) == wanted
    assert kept() == first
    write_jsonl(layout.rows("toy_nli", "train", "en"), ROWS[:3])
    assert ids(task_examples(made, tokenizer, PHASE, task)) == wanted[:3]
    assert len(kept()) == 2


def test_no_row_is_told(made: Study, tokenizer: Any) -> None:
    write_jsonl(layout.rows("toy_nli", "train", "en"), [])
    with pytest.raises(DataError, match="task 'toy_nli' has no training row in 'en'"):
        task_examples(made, tokenizer, PHASE, get_task("toy_nli"))
    assert not kept()


def test_text_is_encoded_once(made: Study, tokenizer: Any) -> None:
    layout.CORPUS.mkdir(parents=True)
    lines = ["the cat sat", "the dog\tran home"]
    for code in made.params.languages.pretraining:
        (layout.CORPUS / f"{code}.txt").write_text("".join(f"{line}\n" for line in lines))
    found = text_lines(made.params, tokenizer)
    count = len(made.params.languages.pretraining)
    wanted = encode_lines(lines * count, tokenizer, length=made.params.pretrain.sequence_length)
    assert [line.ids.tolist() for line in found] == [line.ids.tolist() for line in wanted]
    first = kept()
    assert len(text_lines(made.params, tokenizer)) == len(found) == 2 * count
    assert kept() == first
