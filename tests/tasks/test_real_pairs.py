"""Real files of pairs: the manifest's rows, no text in two parts, dealt labels at chance."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from pair_files import PAWSX
from release_folder import listed, rows_of

from xlgap.data.sources import ReleaseDirectory
from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.near import normal, weight
from xlgap.tasks import get_task, pawsx
from xlgap.tasks._readers.pairs import pawsx as read_pawsx
from xlgap.tasks.base import DROPPED, Row, Split

# What the manifest of the real files lists for the sets that are divided or joined here.
REAL: dict[tuple[str, str], tuple[str, ...]] = {
    ("zh", "train"): ("target_language/nli/zh_ocnli/train.jsonl",),
    ("zh", "dev"): ("target_language/nli/zh_ocnli/dev.jsonl",),
    ("fa", "train"): ("target_language/nli/fa_farstail/Train-word.csv",),
    ("fa", "dev"): ("target_language/nli/fa_farstail/Val-word.csv",),
    ("nl", "train"): ("target_language/nli/nl_sick_nl/train.tsv",),
    ("nl", "dev"): ("target_language/nli/nl_sick_nl/dev.tsv",),
    ("ko", "train"): ("target_language/nli/ko_klue_nli/train.jsonl",),
    ("ko", "dev"): ("target_language/nli/ko_klue_nli/dev.jsonl",),
    ("ja", "train"): ("target_language/nli/ja_jnli/valid-v1.3.json",),
    ("ja", "dev"): ("target_language/nli/ja_jnli/test-v1.3.json",),
}


def at_chance(task_name: str, rows: list[Row], code: str) -> None:
    """Gold scores 100, labels dealt out at random score what chance says, give or take."""
    task = get_task(task_name)
    metric = get_metric("accuracy", task)
    gold = [{"id": row["id"], "label": row["label"]} for row in rows]
    assert metric.score(task, rows, gold, code) == 100
    labels = [row["label"] for row in rows]
    random.Random(1).shuffle(labels)
    dealt = [row | {"label": label} for row, label in zip(gold, labels, strict=True)]
    expected = chance(metric, task, rows, gold, code)
    assert 30 < expected < 55
    assert metric.score(task, rows, dealt, code) == pytest.approx(expected, abs=400 / len(rows) ** 0.5)


@pytest.mark.parametrize(("code", "split"), REAL, ids="-".join)
def test_target_language_sets_have_the_manifests_rows(real_data: Path, code: str, split: Split) -> None:
    rows = rows_of(real_data, "mnli", split, code)
    assert len(rows) == listed(real_data, *REAL[code, split]) == len({row["id"] for row in rows})
    at_chance("mnli", rows, code)


@pytest.mark.parametrize(("split", "name", "left_out"), [("train", "train", 1177), ("dev", "val", 273)])
def test_real_indonli_has_no_test_sentence_of_udpos(
    split: Split, name: str, left_out: int, real_data: Path
) -> None:
    rows = rows_of(real_data, "mnli", split, "id")
    assert len(rows) == listed(real_data, f"target_language/nli/id_indonli/{name}.jsonl") - left_out
    tested = {
        normal(" ".join(row["tokens"])) for row in rows_of(real_data, "udpos", "test", "id")
    }  # fmt: skip
    assert not {t for row in rows for t in (normal(row["text"]),) if weight(t) > 31} & tested
    at_chance("mnli", rows, "id")


@pytest.mark.parametrize(
    ("code", "name", "rows"), [("my", "dev-my", (1992, 498)), ("qu", "dev-quy", (597, 146))]
)
def test_xnli_in_languages_that_it_lacks_is_divided_by_premise(
    code: str, name: str, rows: tuple[int, int], real_data: Path
) -> None:
    train, dev = (rows_of(real_data, "mnli", split, code) for split in ("train", "dev"))
    assert (len(train), len(dev)) == rows
    assert sum(rows) == listed(real_data, f"target_language/nli/xnli_ext/{name}.tsv")
    assert not {row["text"] for row in train} & {row["text"] for row in dev}
    at_chance("mnli", train + dev, code)


def test_no_image_of_real_jnli_is_in_train_and_dev(real_data: Path) -> None:
    directory = ReleaseDirectory(real_data)
    texts = [directory.read(REAL["ja", split][0])[0] for split in ("train", "dev")]
    images = [{json.loads(x)["yjcaptions_id"].split("-")[0] for x in t.splitlines()} for t in texts]
    assert not images[0] & images[1]


@pytest.mark.parametrize("code", ["de", "zh"])
def test_real_pawsx_tests_have_the_manifests_rows(real_data: Path, code: str) -> None:
    """Which would be tested on beside the official training file."""
    rows = list(read_pawsx(ReleaseDirectory(real_data).read(f"{PAWSX}/test-{code}.tsv")[0]))
    assert len(rows) == listed(real_data, f"{PAWSX}/test-{code}.tsv") == 2000
    at_chance("pawsx", rows, code)


@pytest.mark.parametrize(("code", "shared"), [("de", 195), ("zh", 465)])
def test_real_pawsx_dev_and_test_files_share_sentences(real_data: Path, code: str, shared: int) -> None:
    """The reason why whoever trains on dev files is not tested on test files."""
    directory = ReleaseDirectory(real_data)
    dev, test = (
        [{row["text"], row["text_b"]} - {"NS"} for row in read_pawsx(directory.read(name)[0])]
        for name in (f"{PAWSX}/dev-{code}.tsv", f"{PAWSX}/test-{code}.tsv")
    )
    known = set().union(*test)
    assert sum(bool(pair & known) for pair in dev) == shared


@pytest.mark.parametrize("code", pawsx.LANGUAGES)
def test_real_pawsx_dev_files_are_divided_without_loss(real_data: Path, code: str) -> None:
    text = ReleaseDirectory(real_data).read(f"{PAWSX}/dev-{code}.tsv")[0]
    english = ReleaseDirectory(real_data).read(f"{PAWSX}/dev-en.tsv")[0]
    parts = (pawsx.read_train_part, pawsx.read_dev_part, pawsx.read_test_part)
    divided = [[*part(text, english)] for part in parts]
    ids = [{row["id"] for row in rows if DROPPED not in row} for rows in divided]
    assert sum(map(len, divided)) == listed(real_data, f"{PAWSX}/dev-{code}.tsv")
    assert sum(map(len, ids)) == len(set.union(*ids)) > 1900
    by_english = [{row["id"] for row in part(english)} for part in parts]
    assert all(a <= b for a, b in zip(ids, by_english, strict=True))
    assert ids[2] == by_english[2]  # test sets are of the same pairs in every language
    at_chance("pawsx", [row for rows in divided for row in rows if DROPPED not in row], code)


def test_real_anli_plus_has_the_manifests_rows(real_data: Path) -> None:
    names = [f"intermediate_en/nli/{name}.jsonl" for name in (
        "anli/dev", "mnli/train", "mnli/dev", "snli/train", "snli/dev"
    )]  # fmt: skip
    train, dev = (rows_of(real_data, "anli_plus", split, "en") for split in ("train", "dev"))
    assert len(train) + len(dev) == listed(real_data, *names)
    assert not {row["group"] for row in train if "anli" in row["id"]} & {row["group"] for row in dev}
    at_chance("anli_plus", train, "en")
