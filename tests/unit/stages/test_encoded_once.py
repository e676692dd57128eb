"""Training rows and text are encoded once for all trainings that read them as the same sub-words."""

from __future__ import annotations

import signal
import subprocess
import sys
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
    return {p.name: p.stat().st_mtime_ns for p in layout.ENCODED.glob("[!.]*")}


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


def test_of_processes_that_begin_together_one_encodes(tmp_path: Path) -> None:
    """The others wait for it, and read what it wrote; of one that is killed the next one does."""
    program = (
        "import os, sys, time; from pathlib import Path; from xlgap import layout\n"
        "from xlgap.stages.encoded import _encoded\n"
        "def made():\n"
        "    print('encodes', flush=True); time.sleep(1)\n"
        "    if sys.argv[1] == 'dies': os.kill(os.getpid(), 9)\n"
        "    import numpy as np; from xlgap.models.encode import Example\n"
        "    return [Example(0, (np.full(3, 7, np.int32),), np.zeros(1, np.int64))]\n"
        "assert len(_encoded({}, made)) == 1\n"
    )

    def begin(how: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", program, how]
        return subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True)

    first = begin("dies")
    assert first.stdout is not None
    assert first.stdout.readline() == "encodes\n"
    others = [begin("lives") for _ in range(2)]
    told = [process.communicate(timeout=60)[0] for process in others]
    assert sorted(told) == ["", "encodes\n"]
    assert first.wait() == -signal.SIGKILL
    assert [process.returncode for process in others] == [0, 0]
    first.stdout.close()


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
