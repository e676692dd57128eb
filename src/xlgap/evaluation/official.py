"""The official submission layout: ``<task>/test-<language>.{tsv,json,jsonl}``, written and read.

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
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from xlgap.errors import DataError, suggestion
from xlgap.evaluation.editions import EDITIONS
from xlgap.formats import canonical
from xlgap.tasks import get_task, task_names
from xlgap.tasks._readers.text import json_lines, lines, one_of
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
            return _joined(number[found[i]["match"]] for i in _english_order(gold))
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


def _english_order(gold: Sequence[Row]) -> list[int]:
    """The index of the row that each line of the sorted English file is of."""
    return sorted(range(len(gold)), key=lambda index: gold[index]["english"].strip())


def _joined(entries: Iterable[str]) -> str:
    return "".join(f"{entry}\n" for entry in entries)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def read(task: Task, gold: Sequence[Row], text: str) -> list[Row]:
    """Prediction rows of one file, in the order of ``gold``.

    Raises:
        DataError: it begins with the place in the file: another number of lines or tags, an id that the
            test data lack, an answer that is missing or outside the set.
    """
    match task.kind:
        case Classify(labels=labels):
            found = _numbered(lines(text), gold, "label")
            return [
                {"id": row["id"], "label": one_of(label.strip(), labels, number, "label")}
                for number, label, row in found
            ]
        case Tag():
            return list(_tagged(task.kind, gold, text))
        case Choose(choices=choices):
            return list(_chosen(choices, gold, text))
        case Span():
            answers = _object(text, "{question id: answer}")
            _check_ids(gold, answers, "question")
            return [{"id": row["id"], "text": _answer(row["id"], answers)} for row in gold]
        case Retrieve():
            in_order = [gold[index] for index in _english_order(gold)]
            match = {
                row["id"]: gold[_index(value, len(gold), number)]["id"]
                for number, value, row in _numbered(lines(text), in_order, "number")
            }
            return [{"id": row["id"], "match": match[row["id"]]} for row in gold]
        case Mine():
            return _mined(gold, text)
        case Rank():
            return list(_ranked(task, gold, text))
    raise AssertionError(f"no official file for {task.kind!r}")


def _numbered(found: Sequence[str], gold: Sequence[Row], what: str) -> Iterator[tuple[int, str, Row]]:
    """Line number, line and test row, one to one."""
    if len(found) != len(gold):
        raise OtherRowsError(
            f"line {min(len(found), len(gold)) + 1}: expected {len(gold)} lines, one {what} for each "
            f"row of the test data, got {len(found)}; predict every row, in their order."
        )
    for number, (line, row) in enumerate(zip(found, gold, strict=True), 1):
        yield number, line, row


def _index(value: str, of: int, number: int) -> int:
    text = value.strip()
    numeral = text.lstrip("0") or "0"
    known = text.isascii() and text.isdecimal() and len(numeral) <= len(str(of))
    if not known or int(numeral) >= of:
        raise DataError(
            f"line {number}: got {value[:40]!r}, expected the number of a line of the other language, "
            f"0 to {of - 1}."
        )
    return int(numeral)


def _tagged(kind: Tag, gold: Sequence[Row], text: str) -> Iterator[Row]:
    sentences: list[tuple[int, list[str]]] = []  # number of the first line, tags
    begun = False
    for number, line in enumerate(lines(text), 1):
        tag = line.strip()
        if not tag:
            begun = False
            continue
        if not begun:
            sentences.append((number, []))
            begun = True
        sentences[-1][1].append(one_of(tag, kind.tags, number, "tag"))
    if len(sentences) != len(gold):
        last = sentences[-1][0] if sentences else 1
        raise OtherRowsError(
            f"line {last}: expected {len(gold)} sentences, one for each of the test data, with an "
            f"empty line after each, got {len(sentences)}; predict every sentence, in their order."
        )
    for (number, tags), row in zip(sentences, gold, strict=True):
        if len(tags) != len(row["tokens"]):
            raise OtherRowsError(
                f"line {number}: the sentence that begins here has {len(tags)} tags, its test row "
                f"(id {row['id']!r}) {len(row['tokens'])} tokens; give one tag a token."
            )
        yield {"id": row["id"], "tags": tags}


def _chosen(choices: int, gold: Sequence[Row], text: str) -> Iterator[Row]:
    allowed = list(map(str, range(choices)))
    values = dict(json_lines(text, ("label",)))
    for number, line, row in _numbered(lines(text), gold, "object"):
        value = values[number]
        if str(value.get("idx", row["id"])) != str(row["id"]):
            raise DataError(
                f"line {number}: idx {value['idx']!r} is not that of the test row, {row['id']!r} "
                f"({line[:40]!r}); predict every row, in their order."
            )
        label = one_of(str(value["label"]), allowed, number, "label")
        yield {"id": row["id"], "label": int(label)}


def _object(text: str, shape: str) -> dict[str, Any]:
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise DataError(
            f"line {error.lineno}: not valid JSON at column {error.colno} ({error.msg}); expected "
            f"{shape}."
        ) from error
    except RecursionError as error:
        raise DataError(f"line 1: too deep for JSON of this layout; expected {shape}.") from error
    if not isinstance(value, dict):
        raise DataError(f"line 1: expected a JSON object {shape}, got {type(value).__name__}.")
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names differ: of two answers to a question which is meant cannot be told.

    Raises:
        DataError: a name stands twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise DataError(f"line 1: id {twice!r} stands more than once; give each id one answer.")
    return found


def _check_ids(
    gold: Sequence[Row], found: Mapping[str, Any], what: str, *, all_of: bool = True
) -> None:
    known = {row["id"] for row in gold}
    strange = [name for name in found if name not in known]
    if strange:
        raise OtherRowsError(
            f"line 1: {len(strange)} {what} ids are not in the test data, the first is {strange[0]!r}; "
            f"{suggestion(strange[0], known)}"
        )
    lacking = [row["id"] for row in gold if row["id"] not in found]
    if lacking and all_of:
        raise OtherRowsError(
            f"line 1: {len(lacking)} of {len(gold)} {what} ids of the test data have no answer, the "
            f"first is {lacking[0]!r}; give '' where nothing was found."
        )


def _answer(name: str, answers: Mapping[str, Any]) -> str:
    if not isinstance(answers[name], str):
        raise DataError(f"line 1: the answer to {name!r} must be a text, got {answers[name]!r}.")
    return str(answers[name])


def _mined(gold: Sequence[Row], text: str) -> list[Row]:
    sides = {side: {r["id"] for r in gold if r["side"] == side} for side in ("foreign", "english")}
    match: dict[str, str] = {}
    for number, line in enumerate(lines(text), 1):
        parts = line.split("\t")
        if len(parts) != 2:
            raise DataError(f"line {number}: expected 'foreign id<TAB>English id', got {line!r}.")
        for name, (side, known) in zip(parts, sides.items(), strict=True):
            if name not in known:
                raise DataError(f"line {number}: {side} id {name!r} is not in the test data.")
        if match.setdefault(parts[0], parts[1]) != parts[1]:
            raise DataError(f"line {number}: foreign id {parts[0]!r} has two matches; give one.")
    return [{"id": row["id"], "match": match.get(row["id"], "")} for row in gold]


def _ranked(task: Task, gold: Sequence[Row], text: str) -> Iterator[Row]:
    if file_name(task, "").endswith(".json"):
        found = _object(text, "{mention id: [entity ids, the best first]}")
        place = dict.fromkeys(found, 1)
    else:
        numbered = list(json_lines(text, ("id", "ranked")))
        for number, value in numbered:
            if not isinstance(value["id"], str):
                raise DataError(f"line {number}: expected as 'id' a text, got {value['id']!r:.60}.")
        found = {value["id"]: value["ranked"] for _, value in numbered}
        place = {value["id"]: number for number, value in numbered}
        if len(found) != len(numbered):
            twice = Counter(value["id"] for _, value in numbered).most_common(1)[0][0]
            raise DataError(f"line {place[twice]}: id {twice!r} stands more than once.")
    _check_ids(gold, found, "query", all_of=task.name != "mewslix")
    for name, ids in found.items():
        texts = isinstance(ids, list) and all(isinstance(each, str) for each in ids)
        if not texts or len(set(ids)) != len(ids):
            raise DataError(
                f"line {place[name]}: expected for {name!r} a list of different ids, the best first."
            )
    for row in gold:
        yield {"id": row["id"], "ranked": list(found.get(row["id"], ()))}
