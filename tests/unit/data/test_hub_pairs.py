"""Pairs of texts from the hub's tables are the rows of the release reader for the same items."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Features
from hub_tables import (
    ANLI,
    MNLI,
    QQP,
    SNLI,
    TEXT,
    Put,
    assert_same,
    from_hub,
    json_lines,
    pairs,
    released,
)

from xlgap.analysis.licences import data_sets
from xlgap.tasks import get_task
from xlgap.tasks.anli_plus import read as read_anli_plus
from xlgap.tasks.base import Split


@pytest.mark.parametrize(("split", "theirs"), [("train", "train"), ("dev", "dev")])
def test_anli_plus_joins_three_rounds_and_three_repositories(
    split: Split, theirs: str, put: Put, tmp_path: Path
) -> None:
    rounds = [pairs(f"round {i}", (0, 1, 2, i)) for i in range(3)]
    for number, rows in enumerate(rounds, 1):
        put("facebook/anli", "plain_text", f"{theirs}_r{number}", ANLI, rows)
    mnli, snli = pairs("MultiNLI", (2, 1, 0)), pairs("SNLI", (0, -1, 1, 2))
    dev = split == "dev"
    put("nyu-mll/multi_nli", "default", "validation_matched" if dev else "train", MNLI, mnli)
    put("stanfordnlp/snli", "plain_text", "validation" if dev else "train", SNLI, snli)
    names = ("entailment", "neutral", "contradiction", "-")
    anli = [row for part in rounds for row in part]
    texts = [
        json_lines([r | {"label": names[r["label"]]} for r in rows]) for rows in (anli, mnli, snli)
    ]
    found = from_hub("anli_plus", split, tmp_path)
    assert_same(found.rows, [row for row in read_anli_plus(*texts) if "dropped" not in row])
    assert len(found.rows) == 12 + 3 + 3
    assert found.origin["dropped"] == {"no majority label": 1}
    assert found.origin["revision"].startswith("8e4813d8")
    assert [further["revision"][:8] for further in found.origin["more"]] == ["da70db2a", "cdb5c3d5"]


def test_the_licence_manifest_names_all_repositories_of_a_task() -> None:
    first, second = ({"repo": name, "revision": "0123456789", "config": "c"} for name in ("o/a", "o/b"))
    manifest = {
        **{"task": "t", "source": "hub", "licence": "l", "citation": "c", "noncommercial": False},
        "splits": {"train": {"en": {"origin": {**first, "more": [second]}}}},
    }
    assert data_sets([manifest])[0].held == ("o/a at 01234567", "o/b at 01234567")


ASKED = [
    ("How deep is the lake?", "What is the depth of the lake?", 1),
    ("Who built the mill?", "Who owned the mill?", 0),
    ("What is the depth of the lake?", "How wide is the lake?", 0),
    ("", "Is this a question?", 0),
]


def test_qqp_groups_pairs_that_share_a_question(put: Put, tmp_path: Path) -> None:
    rows = [
        {"question1": first, "question2": second, "label": label, "idx": i}
        for i, (first, second, label) in enumerate(ASKED)
    ]
    put("nyu-mll/glue", "qqp", "validation", QQP, rows)
    numbers: dict[str, int] = {}
    lines = ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"]
    for i, (first, second, label) in enumerate(ASKED):
        ids = (numbers.setdefault(text, len(numbers)) for text in (first, second))
        lines.append("\t".join(map(str, (900 + i, *ids, first, second, label))))
    found = from_hub("qqp", "dev", tmp_path)
    expected = released(get_task("qqp"), "dev", "en", "\n".join(lines) + "\n")
    assert_same(found.rows, expected, ids=False)
    assert [row["group"] for row in found.rows] == ["1", "2", "1"]
    assert found.origin["dropped"] == {"empty question": 1}


TATOEBA = Features(
    dict.fromkeys(("source_sentence", "target_sentence", "source_lang", "target_lang"), TEXT)
)


def test_a_line_end_is_no_part_of_a_sentence(put: Put, tmp_path: Path) -> None:
    row = {"source_lang": "deu", "target_lang": "eng"}
    rows = [row | {"source_sentence": "der Fluss\n", "target_sentence": "the river\r\n"}]
    put("google/xtreme", "tatoeba.deu", "validation", TATOEBA, rows)
    expected = released(get_task("tatoeba"), "test", "de", "der Fluss\n", "the river\r\n")
    assert_same(from_hub("tatoeba", "test", tmp_path, "de").rows, expected)
