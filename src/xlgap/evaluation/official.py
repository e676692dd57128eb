"""The official submission layout: ``<task>/test-<language>.{tsv,json,jsonl}``, and how it is written.

Tasks have the benchmark's folder names (``panx`` is WikiANN-NER). A file by kind of task:

- classify: ``tsv``, one label a line, in the order of the test file.
- tag: ``tsv``, one tag a line, an empty line after each sentence.
- span: ``json``, ``{question id: answer}``.
- choose (XCOPA): ``jsonl``, ``{"idx": ..., "label": 0 or 1}`` a line, in the order of the test file.
- retrieve (Tatoeba): ``tsv``, one number a line: for each English sentence the number, from 0, of the
  line that was found in the other language's file. XTREME's preparation sorts the English file and
  leaves the other one as released: the first line is of the English sentence that sorts first (spaces
  around it cut off, by code point, equal ones in their order), the numbers count lines as released.
- mine (BUCC2018): ``tsv``, ``foreign id<TAB>English id`` for each pair that was found.
- rank: Mewsli-X has ``json``, ``{mention id: [entity ids, the best first]}``; a mention without entry
  counts as 0, as in its own scorer. LAReQA's scorer takes vectors of all questions and candidates,
  which no such layout can hold: here it has ``jsonl``, ``{"id": ..., "ranked": [candidate ids, the best
  first]}`` a line.

Places and numbers count the test rows that are given. Of a study with fewer ``test_rows`` than the
release they are those rows: its files can be scored on its own prepared rows, and on nothing else.

Sources: google-research/xtreme, ``evaluate.py`` and ``utils_preprocess.py`` (commit 838c13b), and the
tasks' own scorers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xlgap.errors import DataError
from xlgap.evaluation.editions import EDITIONS
from xlgap.formats import canonical
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Choose, Classify, Kind, Mine, Rank, Retrieve, Row, Span, Tag, Task

FOLDERS: Mapping[str, str] = {"wikiann": "panx"}
"""Official folder names that are not our task names."""
ANSWERS: Mapping[type[Kind], str] = {
    **{Classify: "label", Choose: "label", Tag: "tags", Span: "text"},
    **{Retrieve: "match", Mine: "match", Rank: "ranked"},
}
"""The key of the answer in a row of predictions."""
RANKED = 20
"""Candidates that are written for a query: those that mAP@20 looks at."""


class OtherRowsError(DataError):
    """Predictions are of other rows than the test data: by their number, or by their ids."""


def layout() -> dict[str, Task]:
    """Official folder name to task, of every task of an edition."""
    names = dict.fromkeys(name for edition in EDITIONS.values() for name in edition.tasks)
    return {FOLDERS.get(n, n): get_task(n) for n in names if n in task_names()}


def file_name(task: Task, language: str) -> str:
    """``test-<language>`` with the ending that the kind of task has."""
    suffix = {"span": "json", "choose": "jsonl", "rank": "jsonl"}.get(task.kind.name, "tsv")
    return f"test-{language}.{'json' if task.name == 'mewslix' else suffix}"


def written(task: Task, gold: Sequence[Row], predictions: Sequence[Row]) -> str:
    """The text of one file.

    Args:
        task: the task.
        gold: its test rows, in the order of the official file.
        predictions: one for each of them, in any order; of sentences to mine the foreign ones suffice.

    Raises:
        DataError: a test row has no prediction, or a prediction no test row or another answer's keys.
    """
    wanted = {"id", ANSWERS[type(task.kind)]} if type(task.kind) in ANSWERS else set()
    for line, row in enumerate(predictions, 1):
        if not wanted <= row.keys():
            raise DataError(
                f"line {line}: expected the keys {', '.join(sorted(wanted))}, got "
                f"{', '.join(row)}; predict again."
            )
    by_id = {row["id"]: row for row in predictions}
    _check_written(task, gold, by_id)
    found = [by_id[row["id"]] for row in gold if row["id"] in by_id]
    match task.kind:
        case Classify():
            return _joined(row["label"] for row in found)
        case Tag():
            return _joined("\n".join([*row["tags"], ""]) for row in found)
        case Choose():
            return _joined(canonical({"idx": row["id"], "label": row["label"]}) for row in found)
        case Span():
            return _json({row["id"]: row["text"] for row in found})
        case Retrieve():
            number = {row["id"]: str(i) for i, row in enumerate(gold)}
            return _joined(number[found[i]["match"]] for i in english_order(gold))
        case Mine():
            return _joined(f"{row['id']}\t{row['match']}" for row in found if row["match"])
        case Rank():
            best = {row["id"]: list(row["ranked"][:RANKED]) for row in found}
            if file_name(task, "").endswith(".json"):
                return _json(best)
            return _joined(canonical({"id": name, "ranked": ids}) for name, ids in best.items())
    raise AssertionError(f"no official file for {task.kind!r}")


def _check_written(task: Task, gold: Sequence[Row], found: Mapping[str, Row]) -> None:
    """Every row has its line: one that is left out would move all those after it.

    Raises:
        DataError: a test row has no prediction, or a prediction no test row.
    """
    known = {row["id"] for row in gold}
    needed = {row["id"] for row in gold if row.get("side") != "english"}
    named = known | {row["match"] for row in found.values() if row.get("match")}
    lacking, strange = sorted(needed - found.keys()), sorted((named | found.keys()) - known)
    if lacking or strange:
        of = f"test row {lacking[0]!r} has none" if lacking else f"{strange[0]!r} is no test row"
        raise DataError(
            f"line 1: expected a prediction for each of the {len(needed)} test rows of '{task.name}', "
            f"got {len(found)}: {of}; predict again, on the rows that are prepared."
        )


def english_order(gold: Sequence[Row]) -> list[int]:
    """The index of the row that each line of the sorted English file is of."""
    return sorted(range(len(gold)), key=lambda index: gold[index]["english"].strip())


def _joined(entries: Iterable[str]) -> str:
    return "".join(f"{entry}\n" for entry in entries)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
