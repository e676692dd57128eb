"""Damaged copies of real files of pairs and tags end in one sentence that names file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from xlgap.data.sources import ReleaseDirectory, load, release_names
from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks.base import Split


class File(NamedTuple):
    """A real file and the task, split and language that read it."""

    name: str
    task: str
    split: Split
    code: str
    label: str = ""  # key of JSON lines


NLI = "target_language/nli"
FILES = (
    File("xtreme_v1/pawsx/dev-en.tsv", "pawsx", "train", "en"),
    File("xtreme_v1/pawsx/dev-ko.tsv", "pawsx", "test", "ko"),
    File("xtreme_v1/pawsx/dev-en.tsv", "pawsx", "test", "ko"),
    File("intermediate_en/nli/mnli/train.jsonl", "mnli", "train", "en", "label"),
    File("intermediate_en/nli/anli/dev.jsonl", "anli_plus", "train", "en", "label"),
    File("intermediate_en/nli/snli/dev.jsonl", "anli_plus", "dev", "en", "label"),
    File(f"{NLI}/zh_ocnli/train.jsonl", "mnli", "train", "zh", "label"),
    File(f"{NLI}/id_indonli/train.jsonl", "mnli", "train", "id", "label"),
    File(f"{NLI}/ja_jnli/valid-v1.3.json", "mnli", "train", "ja", "label"),
    File(f"{NLI}/ko_klue_nli/dev.jsonl", "mnli", "dev", "ko", "gold_label"),
    File(f"{NLI}/fa_farstail/Train-word.csv", "mnli", "train", "fa"),
    File(f"{NLI}/nl_sick_nl/train.tsv", "mnli", "train", "nl"),
    File("xtreme_r/panx/dev-sw.tsv", "wikiann", "test", "sw"),
    File("xtreme_r/panx/train-sw.tsv", "wikiann", "train", "sw"),
    File("xtreme_r/panx/dev-sw.tsv", "wikiann", "dev", "sw"),
    File("intermediate_en/pos/ud_english_ewt/dev.tsv", "ud_english", "dev", "en"),
)


def truncated(file: File, text: str) -> bytes:
    cut = text[: len(text) // 2]
    return cut[: cut.rstrip("\n").rfind("\n") + 4].encode()  # three characters of a line


def wrong_encoding(file: File, text: str) -> bytes:
    return text.encode("utf-16")


def column_dropped(file: File, text: str) -> bytes:
    """The first column, or key."""
    if not file.label:
        return "\n".join(line.partition("\t")[2] for line in text.split("\n")).encode()
    gone = {"premise", "sentence1", "context"}
    rows = (json.loads(line) for line in text.splitlines())
    return "".join(
        json.dumps({k: v for k, v in row.items() if k not in gone}) + "\n" for row in rows
    ).encode()


def _place(file: File) -> int:
    """The label's column."""
    return 3 if "sick" in file.name else -1


def labels_stripped(file: File, text: str) -> bytes:
    """The last column, or the label's key; of SICK-NL the fourth of its columns."""
    if not file.label:
        lines = [line.split("\t") for line in text.split("\n")]
        for line in lines:
            if len(line) > 1:
                del line[_place(file)]
        return "\n".join("\t".join(line) for line in lines).encode()
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        del row[file.label]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def labels_constant(file: File, text: str) -> bytes:
    """Every label is the one of the second line."""
    if file.label:
        rows = [json.loads(line) for line in text.splitlines()]
        return "".join(
            json.dumps(row | {file.label: rows[1][file.label]}) + "\n" for row in rows
        ).encode()
    lines = [line.split("\t") for line in text.split("\n")]
    header = 1 if file.name.startswith(NLI) else 0
    for line in lines[header:]:
        if len(line) > 1:
            line[_place(file)] = lines[2][_place(file)]
    return "\n".join("\t".join(line) for line in lines).encode()


@pytest.mark.parametrize(
    "damage", [truncated, wrong_encoding, column_dropped, labels_stripped, labels_constant]
)
@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.task}-{f.code}-{Path(f.name).name}")
def test_damage_is_named(
    file: File, damage: Callable[[File, str], bytes], real_data: Path, tmp_path: Path
) -> None:
    directory, task = ReleaseDirectory(real_data), get_task(file.task)
    for name in {file.name, *release_names(task, file.split, file.code, directory)}:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = directory.read(name)[0]
        path.write_bytes(damage(file, text) if name == file.name else text.encode())
    with pytest.raises(DataError) as caught:
        load(task, file.split, [file.code], source="release", data_dir=tmp_path)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / file.name)), message
    assert "\n" not in message
    if damage is wrong_encoding:
        assert "UTF-8" in message
    else:
        assert ", line " in message
    if damage is labels_stripped:
        assert "stripped" in message or "with labels" in message, message
    if damage is labels_constant:
        assert "stripped or constant" in message, message
