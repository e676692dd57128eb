"""The hub's tables, read by ``datasets`` itself from parquet files of the same columns on this disk.

The rows are made up. Each task's rows are compared with those that its release reader gives for the
same items; ids and names of groups may differ where the hub has other ones.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from xlgap.analysis.licences import data_sets
from xlgap.data.sources import Loaded, load
from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks.anli_plus import read as read_anli_plus
from xlgap.tasks.base import DROPPED, HubDataset, Row, Split, Task
from xlgap.tasks.exams import read as read_exams

TEXT, NUMBER = Value("string"), Value("int32")
NLI = ClassLabel(names=["entailment", "neutral", "contradiction"])
COPA = dict.fromkeys(("premise", "choice1", "choice2", "question"), TEXT) | {"idx": NUMBER}
XCOPA = Features(COPA | {"label": NUMBER, "changed": Value("bool")})
SUPER_GLUE = Features(COPA | {"label": ClassLabel(names=["choice1", "choice2"])})
SQUAD = Features(
    dict.fromkeys(("id", "title", "context", "question"), TEXT)
    | {"answers": {"text": List(TEXT), "answer_start": List(NUMBER)}}
)
CHOICES = {"label": List(TEXT), "text": List(TEXT)}
COMMONSENSE = Features(
    dict.fromkeys(("id", "question", "question_concept", "answerKey"), TEXT) | {"choices": CHOICES}
)
SIQA = Features(dict.fromkeys(("context", "question", "answerA", "answerB", "answerC", "label"), TEXT))
COSMOS = Features(
    dict.fromkeys(("id", "context", "question"), TEXT)
    | {f"answer{i}": TEXT for i in range(4)}
    | {"label": NUMBER}
)
HELLASWAG = Features(
    {"ind": NUMBER, "endings": List(TEXT)}
    | dict.fromkeys(("activity_label", "ctx_a", "ctx_b", "ctx", "source_id", "split", "label"), TEXT)
)
ANLI = Features(dict.fromkeys(("uid", "premise", "hypothesis", "reason"), TEXT) | {"label": NLI})
MNLI = Features({"promptID": NUMBER, "premise": TEXT, "hypothesis": TEXT, "genre": TEXT, "label": NLI})
SNLI = Features({"premise": TEXT, "hypothesis": TEXT, "label": NLI})
QQP = Features(
    {"question1": TEXT, "question2": TEXT, "idx": NUMBER}
    | {"label": ClassLabel(names=["not_duplicate", "duplicate"])}
)
EXAMS = Features(
    {
        "id": TEXT,
        "answerKey": TEXT,
        "question": {"stem": TEXT, "choices": CHOICES | {"para": List(TEXT)}},
    }
    | {"info": {"grade": NUMBER, "subject": TEXT, "language": TEXT}}
)

Put = Callable[..., None]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Writes a split of a repository as the hub has it: parquet and, but for conversions, a card."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    cards: dict[str, dict[str, list[str]]] = {}

    def write(
        repo: str,
        config: str,
        split: str,
        features: Features,
        rows: Sequence[Row],
        *,
        card: bool = True,
    ) -> None:
        path = f"{config}/{split}-00000-of-00001.parquet" if card else f"{config}/{split}/0000.parquet"
        (tmp_path / repo / path).parent.mkdir(parents=True, exist_ok=True)
        filled = [{name: row.get(name) for name in features} for row in rows]
        Dataset.from_list(filled, features=features).to_parquet(tmp_path / repo / path)
        if card:
            splits = cards.setdefault(repo, {}).setdefault(config, [])
            splits.append(f"  - split: {split}\n    path: {config}/{split}-*\n")
            configs = (
                f"- config_name: {name}\n  data_files:\n{''.join(files)}"
                for name, files in cards[repo].items()
            )
            (tmp_path / repo / "README.md").write_text(f"---\nconfigs:\n{''.join(configs)}---\n")

    return write


def here(hub: HubDataset, root: Path) -> HubDataset:
    return replace(
        hub, repo=str(root / hub.repo), more=tuple(here(further, root) for further in hub.more)
    )


def from_hub(name: str, split: Split, root: Path, code: str = "en") -> Loaded:
    task = get_task(name)
    assert task.hub is not None
    return load(replace(task, hub=here(task.hub, root)), split, [code], source="hub")[code]


def released(task: Task, split: Split, code: str, *texts: str) -> list[Row]:
    """The rows of the task's first release reader for the language."""
    assert task.release is not None
    files = [f for f in task.release[split] if f.languages is None or code in f.languages]
    return [row for row in files[0].read(*texts) if "dropped" not in row]


def assert_same(found: Sequence[Row], expected: Sequence[Row], *, ids: bool = True) -> None:
    """Equal but for the names of groups and, unless ``ids``, of items."""
    loose = {"group"} if ids else {"group", "id"}
    bare = [[{k: v for k, v in row.items() if k not in loose} for row in r] for r in (found, expected)]
    assert bare[0] == bare[1]
    assert len({row["id"] for row in found}) == len(found)
    partitions = []
    for rows in (found, expected):
        first: dict[str, int] = {}
        partitions.append([first.setdefault(row["group"], at) for at, row in enumerate(rows)])
    assert partitions[0] == partitions[1]


def json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def question(idx: int, asked: str, label: int) -> Row:
    texts = {
        "premise": f"The kettle {idx} was cold.",
        "choice1": "It was off.",
        "choice2": "Tea was late.",
    }
    return {**texts, "question": asked, "label": label, "idx": idx, "changed": False}


QUESTIONS = [question(i, ("cause", "effect")[i % 2], i % 2) for i in range(10)]


def test_xcopa(put: Put, tmp_path: Path) -> None:
    put("cambridgeltl/xcopa", "it", "test", XCOPA, QUESTIONS)
    expected = released(get_task("xcopa"), "test", "it", json_lines(QUESTIONS))
    assert_same(from_hub("xcopa", "test", tmp_path, "it").rows, expected)


@pytest.mark.parametrize("split", ["train", "dev"])
def test_copa_is_superglues_in_english_and_a_part_of_xcopas_validation_elsewhere(
    split: Split, put: Put, tmp_path: Path
) -> None:
    put("aps/super_glue", "copa", {"train": "train", "dev": "validation"}[split], SUPER_GLUE, QUESTIONS)
    put("cambridgeltl/xcopa", "sw", "validation", XCOPA, QUESTIONS)
    english, swahili = (from_hub("copa", split, tmp_path, code) for code in ("en", "sw"))
    task, text = get_task("copa"), json_lines(QUESTIONS)
    assert_same(english.rows, released(task, split, "en", text))
    assert_same(swahili.rows, released(task, split, "sw", text))
    assert len(swahili.rows) == {"train": 8, "dev": 2}[split]
    assert swahili.origin["revision"] == "042f78955ba48e6404616762fa6e05e839c3907a"


def test_no_language_beyond_those_of_all_the_repositories() -> None:
    with pytest.raises(
        DataError, match=r"aps/super_glue and cambridgeltl/xcopa on the hub has no .*'de'"
    ):
        load(get_task("copa"), "train", ["de"], source="hub")


SOCIAL = [
    {
        "context": f"Noor lent Emil boat {i // 2}.", "question": "Why did Noor do this?",
        "answerA": "to help", "answerB": "to win", "answerC": "to sleep", "label": str(i % 3 + 1),
    }
    for i in range(6)
]  # fmt: skip


def test_socialiqa_as_converted_without_a_card(put: Put, tmp_path: Path) -> None:
    for split in ("train", "validation"):
        put("allenai/social_i_qa", "default", split, SIQA, SOCIAL, card=False)
    labels = "".join(row["label"] + "\n" for row in SOCIAL)
    expected = released(get_task("socialiqa"), "train", "en", json_lines(SOCIAL), labels)
    for split in ("train", "dev"):
        assert_same(from_hub("socialiqa", split, tmp_path).rows, expected)


COMMON = [
    {
        "id": f"q{i}", "question": f"Where is a boat kept in {i // 2}?", "question_concept": "boat",
        "choices": {"label": list("ABCDE"), "text": [f"{place} {i}" for place in "vwxyz"]},
        "answerKey": "ABCDE"[i % 5],
    }
    for i in range(6)
]  # fmt: skip


def nested(row: Row) -> Row:
    """A question of ``lettered`` as its release has it."""
    keys = zip(row["choices"]["label"], row["choices"]["text"], strict=True)
    choices = [{"label": label, "text": text} for label, text in keys]
    return {**row, "question": {"stem": row["question"], "choices": choices}}


def test_commonsenseqa(put: Put, tmp_path: Path) -> None:
    put("tau/commonsense_qa", "default", "train", COMMONSENSE, COMMON)
    expected = released(get_task("commonsenseqa"), "train", "en", json_lines(list(map(nested, COMMON))))
    assert_same(from_hub("commonsenseqa", "train", tmp_path).rows, expected)


STORIES = [
    {
        "id": f"s{i}", "context": f"The bread {i // 2} was gone , and\nthe dog slept .",
        "question": "Why ?", **{f"answer{k}": f"Reason {k} ." for k in range(4)}, "label": i % 4,
    }
    for i in range(6)
]  # fmt: skip


def test_cosmosqa_as_converted_without_a_card(put: Put, tmp_path: Path) -> None:
    for split in ("train", "validation"):
        put("allenai/cosmos_qa", "default", split, COSMOS, STORIES, card=False)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COSMOS))
    writer.writeheader()
    writer.writerows(STORIES)
    expected = released(get_task("cosmosqa"), "dev", "en", text.getvalue())
    assert_same(from_hub("cosmosqa", "dev", tmp_path).rows, expected)


ENDINGS = [
    {
        "ind": 7 * i, "activity_label": "Rowing", "ctx_a": "She rows.", "ctx_b": "she",
        "ctx": f"She rows {i // 2}. she", "endings": [f"does {k}." for k in range(4)],
        "source_id": "x", "split": "train", "label": str(i % 4),
    }
    for i in range(6)
]  # fmt: skip


def test_hellaswag_whose_labels_are_texts(put: Put, tmp_path: Path) -> None:
    put("Rowan/hellaswag", "default", "validation", HELLASWAG, ENDINGS)
    text = json_lines([row | {"label": int(row["label"])} for row in ENDINGS])
    expected = released(get_task("hellaswag"), "dev", "en", text)
    assert_same(from_hub("hellaswag", "dev", tmp_path).rows, expected)


def pairs(start: str, labels: Sequence[int]) -> list[Row]:
    return [
        {
            "uid": f"{start}{i}", "premise": f"{start} premise {i // 2}.",
            "hypothesis": f"{start} hypothesis {i}.", "label": label,
        }
        for i, label in enumerate(labels)
    ]  # fmt: skip


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


CONTEXT = "The mill burned in 1902. It was rebuilt in 1902, of stone."


def asks(name: str, *answers: tuple[str, int], context: str = CONTEXT) -> Row:
    texts, starts = [text for text, _ in answers], [start for _, start in answers]
    return {
        "id": name, "title": "Mill", "context": context, "question": f"What of {name}?",
        "answers": {"text": texts, "answer_start": starts},
    }  # fmt: skip


def as_squad(rows: Sequence[Row]) -> str:
    """SQuAD's JSON, a paragraph for each context."""
    paragraphs: dict[str, list[Row]] = {}
    for row in rows:
        answers = zip(*(row["answers"][key] for key in ("text", "answer_start")), strict=True)
        given = [{"text": text, "answer_start": start} for text, start in answers]
        entry = {"id": row["id"], "question": row["question"], "answers": given}
        paragraphs.setdefault(row["context"], []).append(entry)
    held = [{"context": context, "qas": qas} for context, qas in paragraphs.items()]
    return json.dumps({"data": [{"title": "t", "paragraphs": held}]})


def test_squad2_with_a_question_that_has_no_answer(put: Put, tmp_path: Path) -> None:
    rows = [asks("a", ("1902", 19), ("in 1902", 16)), asks("b"), asks("c", ("No", 0), context="No.")]
    put("rajpurkar/squad_v2", "squad_v2", "train", SQUAD, rows)
    expected = released(get_task("squad2"), "train", "en", as_squad(rows))
    assert_same(from_hub("squad2", "train", tmp_path).rows, expected)


def test_tydiqa_divides_one_table_by_language_and_moves_offsets_to_their_answers(
    put: Put, tmp_path: Path
) -> None:
    finnish = asks("finnish-1-0", ("1902", 21), context=f"  {CONTEXT}")
    second = asks("finnish-2-0", ("1902", 45), context=f"  {CONTEXT}")
    swahili = asks("swahili-1-0", ("1902", 19))
    spaced = asks("finnish-3-0", ("1902", 42))  # the answer was cut, too: it began with a space
    original = [finnish, second, spaced, swahili]
    stripped = [row | {"context": row["context"].strip()} for row in original]
    put("google-research-datasets/tydiqa", "secondary_task", "validation", SQUAD, stripped)
    found = from_hub("tydiqa", "test", tmp_path, "fi").rows
    moved = [
        asks("finnish-1-0", ("1902", 19)),
        asks("finnish-2-0", ("1902", 43)),
        asks("finnish-3-0", ("1902", 43)),
    ]
    task = get_task("tydiqa")
    assert_same(found, released(task, "test", "fi", as_squad(moved)))
    expected = released(task, "test", "sw", as_squad([swahili]))
    assert_same(from_hub("tydiqa", "test", tmp_path, "sw").rows, expected)


@pytest.mark.parametrize("name", ["xquad", "mlqa"])
def test_other_questions_whose_contexts_were_stripped(name: str, put: Put, tmp_path: Path) -> None:
    original = [asks("a", ("1902", 20), context=f" {CONTEXT}"), asks("b", ("of stone", 49))]
    stripped = [row | {"context": row["context"].strip()} for row in original]
    repo, config, split = {
        "xquad": ("google/xquad", "xquad.zh", "validation"),
        "mlqa": ("google/xtreme", "MLQA.zh.zh", "test"),
    }[name]  # fmt: skip
    put(repo, config, split, SQUAD, stripped)
    expected = [asks("a", ("1902", 19)), asks("b", ("of stone", 49))]
    found = from_hub(name, "test", tmp_path, "zh").rows
    assert_same(found, released(get_task(name), "test", "zh", as_squad(expected)))


TATOEBA = Features(
    dict.fromkeys(("source_sentence", "target_sentence", "source_lang", "target_lang"), TEXT)
)


def test_a_line_end_is_no_part_of_a_sentence(put: Put, tmp_path: Path) -> None:
    row = {"source_lang": "deu", "target_lang": "eng"}
    rows = [row | {"source_sentence": "der Fluss\n", "target_sentence": "the river\r\n"}]
    put("google/xtreme", "tatoeba.deu", "validation", TATOEBA, rows)
    expected = released(get_task("tatoeba"), "test", "de", "der Fluss\n", "the river\r\n")
    assert_same(from_hub("tatoeba", "test", tmp_path, "de").rows, expected)


def test_tydiqas_train_split_trains_whole_as_a_train_file_of_a_release_does(
    put: Put, tmp_path: Path
) -> None:
    rows = [asks(f"english-{i}-0", ("1902", 19), context=f"{CONTEXT} {i}") for i in range(60)]
    rows.append(asks("english-60-0", ("nowhere", 3)))
    put("google-research-datasets/tydiqa", "secondary_task", "train", SQUAD, rows)
    train = from_hub("tydiqa", "train", tmp_path)
    assert_same(train.rows, released(get_task("tydiqa"), "train", "en", as_squad(rows[:60])))
    assert len(train.rows) == 60
    assert train.origin["dropped"] == {"an answer does not stand in the context": 1}


def exam(name: str, stem: str, key: str, letters: str = "ABCD", language: str = "German") -> Row:
    texts = [f"{stem} {letter}" for letter in letters]
    choices = {"label": list(letters), "text": texts, "para": [""] * len(letters)}
    info = {"grade": 12, "subject": "Biology", "language": language}
    return {"id": name, "question": {"stem": stem, "choices": choices}, "answerKey": key, "info": info}


def test_exams_leaves_out_what_later_splits_have_and_other_numbers_of_choices(
    put: Put, tmp_path: Path
) -> None:
    bulgarian = {"language": "Bulgarian"}
    splits = {
        "train": [
            exam("t1", "Alone", "A", **bulgarian), exam("t2", "In dev", "B", **bulgarian),
            exam("t3", "In test", "C", **bulgarian), exam("t4", "Three", "@", "ABC", **bulgarian),
            exam("t5", "German", "D"), exam("t6", "Again", "B", **bulgarian),
        ],
        "validation": [exam("d1", "In dev", "B", **bulgarian), exam("d2", "Of dev", "C", **bulgarian),
                       exam("d3", "Two", "A", "AB", **bulgarian)],
        "test": [exam("e1", "In test", "C", **bulgarian), exam("e2", "German", "D")],
    }  # fmt: skip
    for split, rows in splits.items():
        put("mhardalov/exams", "multilingual", split, EXAMS, rows)
    texts = [
        json_lines(
            [nested({**row, **row["question"], "question": row["question"]["stem"]}) for row in rows
             if row["info"] == {"grade": 12, "subject": "Biology", **bulgarian}]
        )
        for rows in splits.values()
    ]  # fmt: skip
    found = from_hub("exams", "train", tmp_path, "bg")
    assert [row["id"] for row in found.rows] == ["t1", "t6"]
    assert_same(found.rows, [row for row in read_exams(*texts) if DROPPED not in row])
    assert found.origin["dropped"] == {
        "another number of choices than 4, or no question": 1, "stands in a later split, too": 2,
    }  # fmt: skip
    dev = from_hub("exams", "dev", tmp_path, "bg")
    assert_same(dev.rows, [row for row in read_exams(*texts[1:]) if DROPPED not in row])
    assert [row["id"] for row in from_hub("exams", "test", tmp_path, "de").rows] == ["e2"]


# What a hidden label is in each repository, and one that is none.
WRONG: dict[str, tuple[str, str, str, Features, Row, Sequence[Any], str]] = {
    "xcopa": ("cambridgeltl/xcopa", "it", "test", XCOPA, QUESTIONS[0], (-1, 2), "label"),
    "copa": ("aps/super_glue", "copa", "train", SUPER_GLUE, QUESTIONS[0], (-1,), "label"),
    "socialiqa": ("allenai/social_i_qa", "default", "train", SIQA, SOCIAL[0], ("", "4", "0"), "label"),
    "commonsenseqa": (
        "tau/commonsense_qa", "default", "train", COMMONSENSE, COMMON[0], ("", "F"), "answerKey",
    ),
    "cosmosqa": ("allenai/cosmos_qa", "default", "train", COSMOS, STORIES[0], (-1, 4), "label"),
    "hellaswag": ("Rowan/hellaswag", "default", "train", HELLASWAG, ENDINGS[0], ("", "4"), "label"),
    "qqp": (
        "nyu-mll/glue", "qqp", "train", QQP,
        {"question1": "Who?", "question2": "Why?", "idx": 0}, (-1,), "label",
    ),
    "exams": (
        "mhardalov/exams", "multilingual", "test", EXAMS, exam("e", "S", "A"), ("@",), "answerKey",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_label_that_is_none_ends_in_a_sentence(name: str, put: Put, tmp_path: Path) -> None:
    repo, config, theirs, features, row, labels, column = WRONG[name]
    split: Split = "test" if theirs == "test" else "train"
    code = {"xcopa": "it", "exams": "de"}.get(name, "en")
    for number, label in enumerate(labels):
        root = tmp_path / str(number)
        put(f"{number}/{repo}", config, theirs, features, [row | {column: label}])
        with pytest.raises(DataError, match=r"row 1 \(id .*: label .* is outside the set; allowed: "):
            from_hub(name, split, root, code)


@pytest.mark.parametrize("repo", ["facebook/anli", "nyu-mll/multi_nli"])
def test_a_pair_without_label_ends_in_a_sentence_where_none_is_to_be_expected(
    repo: str, put: Put, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        label = -1 if repo == "facebook/anli" and number == 3 else 0
        put("facebook/anli", "plain_text", f"train_r{number}", ANLI, pairs("a", (label,)))
    put("nyu-mll/multi_nli", "default", "train", MNLI, pairs("m", (-1,)))
    put("stanfordnlp/snli", "plain_text", "train", SNLI, pairs("s", (0,)))
    with pytest.raises(DataError, match=f"{repo}.*label '-1' is outside the set"):
        from_hub("anli_plus", "train", tmp_path)


@pytest.mark.parametrize("name", ["xnli", "mnli"])
def test_a_hidden_label_is_not_taken_for_the_last_one(name: str, put: Put, tmp_path: Path) -> None:
    repo, config, split, code = {
        "xnli": ("facebook/xnli", "de", "test", "de"),
        "mnli": ("nyu-mll/multi_nli", "default", "train", "en"),
    }[name]
    put(repo, config, split, MNLI, [pairs("p", (-1,))[0] | {"promptID": 1}])
    with pytest.raises(DataError, match="label '-1' is outside the set"):
        from_hub(name, split, tmp_path, code)


def test_a_missing_column_ends_in_a_sentence(put: Put, tmp_path: Path) -> None:
    bare = Features({key: value for key, value in XCOPA.items() if key != "idx"})
    put("cambridgeltl/xcopa", "it", "test", bare, QUESTIONS)
    with pytest.raises(
        DataError, match=r"xcopa at 042f7895, it, test: expected a column 'idx', got a row"
    ):
        from_hub("xcopa", "test", tmp_path, "it")


def test_a_split_that_the_repository_lacks_ends_in_a_sentence(put: Put, tmp_path: Path) -> None:
    put("cambridgeltl/xcopa", "it", "validation", XCOPA, QUESTIONS)
    with pytest.raises(DataError, match=r"task 'xcopa': cannot load .*\(it, test, revision 042f7895\)"):
        from_hub("xcopa", "test", tmp_path, "it")


@pytest.mark.parametrize(
    "name",
    [
        "xcopa",
        "copa",
        "socialiqa",
        "commonsenseqa",
        "cosmosqa",
        "hellaswag",
        "anli_plus",
        "qqp",
        "squad2",
        "tydiqa",
        "exams",
    ],
)
def test_every_revision_is_a_whole_commit_hash(name: str) -> None:
    hub = get_task(name).hub
    assert hub is not None
    for each in (hub, *hub.more):
        assert len(each.revision) == 40
        assert int(each.revision, 16)
