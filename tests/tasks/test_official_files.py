"""Official files that the small release lacks are read in place of the parts that stand in for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.data.sources import Loaded, load
from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks.base import Split

LABELS = ("entailment", "neutral", "contradiction")
SQUAD, SQUAD2 = "intermediate_en/qa/squad_v1.1", "intermediate_en/qa/squad_v2.0"
MNLI, QAMR = "intermediate_en/nli/mnli", "intermediate_en/qa/qamr"
XQUAD, XQUAD_R = "xtreme_r/xquad/xquad.en.json", "xtreme_r/lareqa/xquad-r/en.json"
UDPOS = "xtreme_r/udpos"
Files = dict[str, str]


def squad(name: str, paragraphs: range) -> str:
    """One question a paragraph; its text is of ``paragraphs`` alone, its id also of ``name``."""
    found = []
    for n in paragraphs:
        context = f"Boat number {n} left. The river was high."
        answers = [{"text": f"number {n}", "answer_start": 5}]
        question = {"id": f"{name}{n}", "question": f"Which boat, {n}?", "answers": answers}
        found.append({"context": context, "qas": [question]})
    return json.dumps({"version": "1.1", "data": [{"title": "Boats", "paragraphs": found}]})


def mnli(name: str, count: int, *, official: bool) -> str:
    """In the columns of the official release, or in those of the part that stands in."""
    names = ("sentence1", "sentence2", "gold_label") if official else ("premise", "hypothesis", "label")
    pairs = [(f"{name} {n // 3}", f"So {n}", LABELS[n % 3]) for n in range(count)]
    if official:
        pairs[4] = (*pairs[4][:2], "-")
    return "".join(json.dumps(dict(zip(names, pair, strict=True))) + "\n" for pair in pairs)


def qamr(sentences: range) -> str:
    return "".join(
        f"Wiki1k:s{n}\t0 1\t7\t0\t0\tWhat left, {n}?\t{n % 2}\t8:{n % 2}\t9:0 1\n" for n in sentences
    )


def conll(start: int, count: int) -> str:
    return "".join(f"w{n}\tNOUN\nruns\tVERB\n\n" for n in range(start, start + count))


PARTS: dict[str, Files] = {
    "squad": {
        f"{SQUAD}/train_from_dev.json": squad("part", range(10)),
        f"{SQUAD}/heldout_from_dev.json": squad("part", range(10, 14)),
        f"{SQUAD}/dev-v1.1.json": squad("dev", range(20)),  # the small release has it, too
    },
    "squad2": {
        f"{SQUAD2}/train_from_dev.json": squad("part", range(10)),
        f"{SQUAD2}/heldout_from_dev.json": squad("part", range(10, 14)),
        f"{SQUAD2}/dev-v2.0.json": squad("dev", range(20)),
    },
    "mnli": {
        f"{MNLI}/train.jsonl": mnli("part", 30, official=False),
        f"{MNLI}/dev.jsonl": mnli("dev part", 12, official=False),
    },
    "qamr": {
        f"{QAMR}/filtered.dev.tsv": qamr(range(12)),
        f"{QAMR}/filtered.test.tsv": qamr(range(12, 24)),
    },
}
PARTS["lareqa"] = PARTS["squad"]
OFFICIAL: dict[str, Files] = {
    "squad": {
        f"{SQUAD}/train-v1.1.json": squad("train", range(100, 140)),
        f"{SQUAD}/dev-v1.1.json": squad("dev", range(20)),
    },
    "squad2": {
        f"{SQUAD2}/train-v2.0.json": squad("train", range(100, 140)),
        f"{SQUAD2}/dev-v2.0.json": squad("dev", range(20)),
    },
    "mnli": {
        f"{MNLI}/multinli_1.0_train.jsonl": mnli("train", 60, official=True),
        f"{MNLI}/multinli_1.0_dev_matched.jsonl": mnli("dev", 21, official=True),
    },
    "qamr": {
        f"{QAMR}/filtered/train.tsv": qamr(range(30)),
        f"{QAMR}/filtered/dev.tsv": qamr(range(30, 45)),
    },
}
OFFICIAL["lareqa"] = OFFICIAL["squad"]
BESIDE: dict[str, Files] = {  # what the task reads beside, whichever files train
    "qamr": {
        f"{QAMR}/wiki-sentences.tsv": "".join(f"Wiki1k:s{n}\tBoats left early .\n" for n in range(45))
    },
    "squad": {XQUAD: squad("dev", range(3, 8))},
    "squad2": {XQUAD: squad("dev", range(3, 8))},
    "lareqa": {XQUAD_R: squad("dev", range(3, 8))},
}
IN_PART = {"squad": (10, 4), "squad2": (10, 4), "lareqa": (10, 4), "mnli": (30, 12), "qamr": (12, 12)}
IN_FULL = {
    "squad": (40, 15),
    "squad2": (40, 15),
    "lareqa": (40, 15),
    "mnli": (59, 20),
    "qamr": (30, 15),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], None]:
    def put(files: Files) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf8")

    return put


def of(root: Path, task: str, split: Split, code: str = "en") -> Loaded:
    return load(get_task(task), split, [code], source="release", data_dir=root)[code]


@pytest.mark.parametrize("task", OFFICIAL)
def test_official_files_are_read_in_place_of_parts(
    task: str, tmp_path: Path, write: Callable[[Files], None]
) -> None:
    write(PARTS[task] | BESIDE.get(task, {}))
    parts = [of(tmp_path, task, split) for split in ("train", "dev")]
    assert tuple(len(part.rows) for part in parts) == IN_PART[task]
    write(OFFICIAL[task])
    whole = [of(tmp_path, task, split) for split in ("train", "dev")]
    assert tuple(len(part.rows) for part in whole) == IN_FULL[task]
    assert [part.origin["files"][0]["path"] for part in whole] == list(OFFICIAL[task])


@pytest.mark.parametrize("task", OFFICIAL)
@pytest.mark.parametrize("split", ["train", "dev"])
def test_where_neither_is_there_the_official_file_is_named(
    task: str, split: Split, tmp_path: Path
) -> None:
    name = list(OFFICIAL[task])[split == "dev"]
    with pytest.raises(DataError, match=f"{name}: no such file"):
        of(tmp_path, task, split)


@pytest.mark.parametrize("task", ["squad", "squad2", "lareqa"])
def test_no_paragraph_of_xquad_is_in_the_official_dev_set_that_is_read(
    task: str, tmp_path: Path, write: Callable[[Files], None]
) -> None:
    write(OFFICIAL[task] | BESIDE[task])
    found = of(tmp_path, task, "dev")
    assert {row["id"] for row in found.rows} == {f"dev{n}" for n in range(20) if not 3 <= n < 8}
    assert found.origin["dropped"] == {"its paragraph is in XQuAD": 5}
    (path,) = (tmp_path / name for name in BESIDE[task])
    path.unlink()
    with pytest.raises(DataError, match=f"{path.name}: no such file"):
        of(tmp_path, task, "dev")


@pytest.mark.slow
@pytest.mark.parametrize(("task", "rows"), [("squad", 8234 + 1146), ("squad2", 7921 + 2253)])
def test_the_real_dev_set_without_xquad_is_what_the_parts_hold_together(
    task: str, rows: int, real_data: Path, tmp_path: Path, write: Callable[[Files], None]
) -> None:
    write(OFFICIAL[task])  # no real training file is to be had
    for name in (list(OFFICIAL[task])[1], XQUAD):
        (tmp_path / name).unlink(missing_ok=True)
        link = tmp_path / f"{name}.xz"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(real_data / f"{name}.xz")
    dev = of(tmp_path, task, "dev")
    parts = [of(real_data, task, split) for split in ("train", "dev")]
    assert len(dev.rows) == rows
    assert {r["id"] for r in dev.rows} == {r["id"] for part in parts for r in part.rows}


def test_an_official_training_file_of_udpos_trains_and_its_dev_file_is_dev_whole(
    tmp_path: Path, write: Callable[[Files], None]
) -> None:
    write({f"{UDPOS}/dev-de.tsv": conll(0, 20)})
    assert [len(of(tmp_path, "udpos", split, "de").rows) for split in ("train", "dev")] == [16, 4]
    write({f"{UDPOS}/train-de.tsv": conll(100, 50)})
    assert [len(of(tmp_path, "udpos", split, "de").rows) for split in ("train", "dev")] == [50, 20]
    assert of(tmp_path, "udpos", "train", "de").rows[0]["tokens"] == ["w100", "runs"]
    for path in (tmp_path / UDPOS).iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"udpos/train-de\.tsv: no such file"):
        of(tmp_path, "udpos", "train", "de")
    with pytest.raises(DataError, match=r"udpos/dev-de\.tsv: no such file"):
        of(tmp_path, "udpos", "dev", "de")
