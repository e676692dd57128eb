"""Training rows and text as sub-words, encoded once for all trainings of a study with one tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.config import Params
from xlgap.errors import DataError
from xlgap.formats import digest, dir_digest, file_digest, one_writer_of
from xlgap.models import encode as encoding
from xlgap.models import tokenizer as tokenization
from xlgap.models.encode import Example, encode
from xlgap.models.encoded import Encoded, write_examples
from xlgap.models.tokenizer import Tokenizer
from xlgap.regimes.base import Phase
from xlgap.stages.prepare import corpus_lines
from xlgap.stages.recipe import window
from xlgap.stages.study import Study
from xlgap.tasks.base import Task
from xlgap.training import data
from xlgap.training.data import EncodedLines, encode_lines, line_examples


def task_examples(study: Study, tokenizer: Tokenizer, phase: Phase, task: Task) -> Sequence[Example]:
    """What all training rows of a task that a phase reads become; each row one example at least.

    Raises:
        DataError: there is no row, or the file that keeps them encoded is damaged.
    """
    limits = window(task, study.params)

    def made() -> list[Example]:
        rows = study.training_rows(task.name, phase)
        if not rows:
            raise DataError(f"task '{task.name}' has no training row in '{phase.language}'.")
        return encode(task.kind, rows, tokenizer, limits)

    return _encoded(
        {
            "rows": file_digest(study.training_file(task.name, phase)),
            "kind": [type(task.kind).__name__, asdict(task.kind)],
            "window": asdict(limits),
            "tokenizer": tokenizer.digest,
        },
        made,
    )


def text_lines(params: Params, tokenizer: Tokenizer) -> EncodedLines:
    """The study's pretraining text in all its languages.

    Raises:
        DataError: the file that has it is damaged, or there is no text.
    """
    codes, length = params.languages.pretraining, params.pretrain.sequence_length

    def made() -> list[Example]:
        lines = (line for code in codes for line in corpus_lines(code))
        return line_examples(encode_lines(lines, tokenizer, length=length))

    key = {
        "corpus": dir_digest(layout.CORPUS),
        "languages": list(codes),
        "length": length,
        "tokenizer": tokenizer.digest,
    }
    return EncodedLines(_encoded(key, made))


def _encoded(key: dict[str, Any], made: Callable[[], list[Example]]) -> Encoded:
    """What is kept under ``key``, and the sources that encode; ``made`` where there is nothing."""
    sources = [file_digest(Path(str(m.__file__))) for m in (encoding, tokenization, data)]
    path = layout.encoded(digest({**key, "sources": sources}))
    if not path.is_file():
        with one_writer_of(path):  # of the processes that train together and the workers of a study
            if not path.is_file():
                write_examples(made(), path)
    return Encoded(path)
