"""What is refused of the hub's tables: no labels, lost columns and splits, loose revisions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from datasets import Features
from hub_tables import (
    ANLI,
    COMMON,
    COMMONSENSE,
    COSMOS,
    ENDINGS,
    EXAMS,
    HELLASWAG,
    MNLI,
    QQP,
    QUESTIONS,
    SIQA,
    SNLI,
    SOCIAL,
    STORIES,
    SUPER_GLUE,
    XCOPA,
    Put,
    exam,
    from_hub,
    pairs,
)

from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks.base import Row, Split

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
