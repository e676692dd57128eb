"""What the analysis must know of a study's languages: sub-words and pretraining text."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from xlgap import layout
from xlgap.analysis.distance.subwords import Encode, SubwordRow, subword_row
from xlgap.config import HubModel, ScratchModel
from xlgap.data import schema
from xlgap.errors import DataError
from xlgap.formats import read_json
from xlgap.languages import get_language
from xlgap.models.catalogue import find_checkpoint, pinned_revision
from xlgap.models.tokenizer import hub_tokenizer, load_tokenizer
from xlgap.published.pretraining import pretraining_text
from xlgap.stages.study import Study
from xlgap.tasks.base import Choose, Classify, Retrieve, Span, Tag, Task

LADDER = "ladder"
ROWS = 500
"""Test rows of each language that are read; the same ones in all languages of a parallel set."""

TEXT_KINDS = (Choose, Classify, Retrieve, Span, Tag)
"""Kinds whose rows are text in one language; pools that are ranked or mined are not."""


def subword_rows(study: Study) -> tuple[list[SubwordRow], list[str]]:
    """Every tokenizer on every target task and language; and sentences on what cannot be counted."""
    users: dict[str, list[str]] = defaultdict(list)
    for name, model in study.params.models.items():
        users[model.hub if isinstance(model, HubModel) else LADDER].append(name)
    targets = {cell.task.name: cell.task for cell in study.grid.cells}
    prepared = [task for name, task in targets.items() if layout.prepared(name).is_dir()]
    rows: list[SubwordRow] = []
    lacking = [
        f"The sub-words of {name} are not counted: it is not prepared."
        for name, task in targets.items()
        if task not in prepared
    ]
    for tokenizer, models in users.items():
        try:
            encode = _encoder(study, tokenizer, models[0])
        except DataError as error:
            lacking.append(f"The sub-words of {', '.join(models)} are not counted: {error}")
            continue
        for task in prepared:
            rows += _of_task(study, task, encode, tokenizer, tuple(models))
    return rows, lacking


def _encoder(study: Study, tokenizer: str, model: str) -> Encode:
    """The tokenizer's sub-words of texts, each text encoded once."""
    if tokenizer == LADDER:
        fast: Any = load_tokenizer(layout.TOKENIZER).fast
    else:
        given = study.params.models[model]
        assert isinstance(given, HubModel)
        revision = pinned_revision(given.hub, given.revision, key=f"models.{model}.revision")
        fast = hub_tokenizer(given.hub, revision).fast

    @cache
    def pieces(texts: tuple[str, ...]) -> list[Sequence[str]]:
        return [found.tokens for found in fast.encode_batch(list(texts), add_special_tokens=False)]

    return lambda texts: pieces(tuple(texts))


def _of_task(
    study: Study, task: Task, encode: Encode, tokenizer: str, models: tuple[str, ...]
) -> Iterator[SubwordRow]:
    if not isinstance(task.kind, TEXT_KINDS):
        return
    cells = [cell for cell in study.grid.of_task(task.name) if cell.arm.spec.language is None]
    codes = sorted({code for cell in cells for code in cell.eval_languages(study.params)})
    by_code = {code: _by_id(study, task, code) for code in codes}
    aligned = _aligned(task, by_code)
    for code, rows in by_code.items():
        ids = aligned if aligned is not None else sorted(rows)[:ROWS]
        chosen = [rows[i] for i in ids if i in rows]
        if not chosen:
            continue
        yield subword_row(
            encode,
            [text for row in chosen for text in _own(task, row)],
            _english(task, chosen, by_code.get("en"), aligned),
            tokenizer=tokenizer,
            models=models,
            task=task.name,
            language=code,
            rows=len(chosen),
            spaceless=get_language(code).spaceless,
        )


def _by_id(study: Study, task: Task, code: str) -> dict[str, dict[str, Any]]:
    return {str(row["id"]): row for row in study.rows(task.name, "test", code)}


def _aligned(task: Task, by_code: dict[str, dict[str, dict[str, Any]]]) -> list[str] | None:
    """The first ids that all languages have, where an id means the same sentence in each."""
    if not task.parallel or isinstance(task.kind, Retrieve) or "en" not in by_code:
        return None
    shared = set.intersection(*(set(rows) for rows in by_code.values()))
    return sorted(shared)[:ROWS] or None


def _own(task: Task, row: dict[str, Any]) -> list[str]:
    return [row["text"]] if isinstance(task.kind, Retrieve) else schema.texts(task.kind, row)


def _english(
    task: Task,
    chosen: Sequence[dict[str, Any]],
    english: dict[str, dict[str, Any]] | None,
    aligned: list[str] | None,
) -> list[str] | None:
    """The same rows in English: the other side of a retrieval set, else the English test set."""
    if isinstance(task.kind, Retrieve):
        return [row["english"] for row in chosen]
    if aligned is None or english is None:
        return None
    return [text for row in chosen for text in schema.texts(task.kind, english[str(row["id"])])]


def pretraining_amounts(study: Study) -> tuple[dict[str, dict[str, float]], list[str]]:
    """For each model log10 of the text of each language in its pretraining; and what stands in.

    Lines of the corpus for the ladder, :mod:`xlgap.published.pretraining` for a checkpoint; an
    untrained model has read none and is left out.
    """
    path = layout.CORPUS / "manifest.json"
    lines = read_json(path, {"languages": dict})["languages"] if path.is_file() else {}
    corpus = {code: math.log10(fact["lines"]) for code, fact in lines.items() if fact["lines"]}
    found: dict[str, dict[str, float]] = {}
    stand_in: dict[str, list[str]] = defaultdict(list)
    for name, model in study.params.models.items():
        if isinstance(model, ScratchModel):
            if model.pretrained and corpus:
                found[name] = corpus
            continue
        known = find_checkpoint(model.hub)
        text = pretraining_text(known.family if known else model.hub)
        found[name] = text.amounts
        if text.stand_in:
            stand_in[text.words].append(name)
    notes = [
        f"For {', '.join(models)} the {words} stands in for the pretraining text."
        for words, models in stand_in.items()
    ]
    return found, notes
