"""Question answering on the real files: counts, gold, chance, and windows of 64 sub-words."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from xlgap.data.sources import Loaded, ReleaseDirectory, load
from xlgap.errors import DataError
from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import best_answers
from xlgap.models.encode import Window, encode
from xlgap.models.tokenizer import load_tokenizer, train_tokenizer
from xlgap.tasks import get_task
from xlgap.tasks.base import Span, Split

IN_PART = ("en", "ko", "sw")  # the languages of TyDiQA that the small release has
MCL = get_task("multichecklist").eval_languages
SPLITS: list[tuple[str, Split, tuple[str, ...]]] = [
    *[("squad", split, get_task("squad").train_languages) for split in ("train", "dev")],
    *[("squad2", split, ("en",)) for split in ("train", "dev")],
    *[("qamr", split, ("en",)) for split in ("train", "dev")],
    ("mlqa", "test", get_task("mlqa").eval_languages),
    ("xquad", "test", get_task("xquad").eval_languages),
    ("tydiqa", "test", IN_PART),
]
DROPPED = {  # what a file has and we leave out, by reason
    ("squad", "train", "ar"): {"no answer stands in the context": 3},
    ("squad", "dev", "ar"): {"no answer stands in the context": 3},
    ("squad", "dev", "zh"): {"the question is empty": 2},
    ("qamr", "train", "en"): {
        "asked before: its answers are added to that item": 1740,
        "no answer is a stretch of words": 45,
    },
    ("qamr", "dev", "en"): {
        "asked before: its answers are added to that item": 1686,
        "no answer is a stretch of words": 50,
    },
}  # fmt: skip

NOTHING_LEFT = {  # answers of which the official normaliser leaves nothing, so that their F1 is 0
    ("squad", "train", "ar", "f1"): 1,  # "-)"
    ("squad", "train", "ja", "f1"): 1,  # "/"
    ("squad", "dev", "th", "f1"): 1,  # "an"
    ("qamr", "dev", "en", "f1"): 3,  # "$"
    ("mlqa", "test", "es", "f1_mlqa"): 1,  # "una"
}


def loaded(real_data: Path, name: str, split: Split, languages: tuple[str, ...]) -> dict[str, Loaded]:
    return load(get_task(name), split, languages, source="release", data_dir=real_data)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "split", "languages"), SPLITS)
def test_rows_are_as_many_as_listed_less_those_dropped_and_gold_is_perfect(
    name: str, split: Split, languages: tuple[str, ...], real_data: Path
) -> None:
    task, listed = get_task(name), ReleaseDirectory(real_data).listed
    for code, found in loaded(real_data, name, split, languages).items():
        files = [file["path"] for file in found.origin["files"]]
        expected = sum(listed[file]["rows"] for file in files if "wiki-sentences" not in file)
        dropped = found.origin.get("dropped", {})
        assert dropped == DROPPED.get((name, split, code), {})
        assert len(found.rows) + sum(dropped.values()) == expected, (code, files)
        assert len({row["id"] for row in found.rows}) == len(found.rows)
        gold = [
            {"id": row["id"], "text": max(row["answers"]["text"], key=len, default="")}
            for row in found.rows
        ]
        for metric in task.metrics:
            lost = NOTHING_LEFT.get((name, split, code, metric), 0)
            score = get_metric(metric, task).score(task, found.rows, gold, code)
            assert score == 100 * (len(gold) - lost) / len(gold), (code, metric)


@pytest.mark.slow
def test_tydiqa_trains_on_all_that_its_train_files_hold(real_data: Path) -> None:
    listed = ReleaseDirectory(real_data).listed
    train, test = (loaded(real_data, "tydiqa", split, IN_PART) for split in ("train", "test"))
    for code in IN_PART:
        name = f"xtreme_r/tydiqa/tydiqa.goldp.{code}.train.json"
        assert len(train[code].rows) == listed[name]["rows"]
        contexts = [{row["context"] for row in of[code].rows} for of in (train, test)]
        assert not contexts[0] & contexts[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xquad", "mlqa", "tydiqa"])
def test_shuffled_answers_score_at_chance(name: str, real_data: Path) -> None:
    task = get_task(name)
    languages = IN_PART if name == "tydiqa" else task.eval_languages
    for code, found in loaded(real_data, name, "test", languages).items():
        texts = [row["answers"]["text"][0] for row in found.rows]
        gold = [{"id": row["id"], "text": text} for row, text in zip(found.rows, texts, strict=True)]
        random.Random(1).shuffle(texts)
        shuffled = [
            {"id": row["id"], "text": text} for row, text in zip(found.rows, texts, strict=True)
        ]
        for metric_name in task.metrics:
            metric = get_metric(metric_name, task)
            score = metric.score(task, found.rows, shuffled, code)
            level = chance(metric, task, found.rows, gold, code, shuffles=3)
            assert abs(score - level) < 2.5, (code, metric_name)
            assert score < 15, (code, metric_name)


@pytest.mark.slow
def test_multichecklist_has_the_same_items_in_every_language(real_data: Path) -> None:
    task = get_task("multichecklist")
    found = loaded(real_data, "multichecklist", "test", MCL)
    english = [row["id"] for row in found["en"].rows]
    assert len(english) == 1200
    for code, of in found.items():
        ids = [row["id"] for row in of.rows]
        dropped = sum(of.origin.get("dropped", {}).values())
        assert ids == [name for name in english if name in set(ids)]
        assert len(ids) + dropped == 1200
        assert dropped <= (200 if code in {"kk", "tr"} else 24), code
        assert not any(set("{}") & set(row["context"] + row["question"]) for row in of.rows), code
        for metric in task.metrics:
            gold = [{"id": row["id"], "text": row["answers"]["text"][0]} for row in of.rows]
            assert get_metric(metric, task).score(task, of.rows, gold, code) == 100


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xquad", "mlqa", "tydiqa"])
def test_windows_of_64_sub_words_lose_nothing(name: str, real_data: Path, tmp_path: Path) -> None:
    """No character is outside all windows, no answer as long as they overlap is cut in all of them.

    One of half that length stands whole in the window where its start has the most context.
    """
    task = get_task(name)
    languages = IN_PART if name == "tydiqa" else task.eval_languages
    rows = {code: of.rows[::17] for code, of in loaded(real_data, name, "test", languages).items()}
    path = tmp_path / "tokenizer.json"
    lines = [row["context"] for found in rows.values() for row in found]
    train_tokenizer(lines, path, vocabulary=2500 if name == "tydiqa" else 8000)
    tokenizer, window = load_tokenizer(path), Window(max_length=64, stride=16)
    generator = np.random.default_rng(0)
    for code, found in rows.items():
        examples = encode(Span(), found, tokenizer, window)
        assert len(examples) > 2 * len(found), code
        assert max(example.length for example in examples) <= 64
        inside = [np.zeros(len(row["context"]), bool) for row in found]
        whole = [False] * len(found)
        shared = [0] * len(found)  # sub-words of neighbouring windows, that of the largest one
        oracle = []
        for example in examples:
            for begin, end in example.marks[example.marks[:, 0] >= 0]:
                inside[example.row][begin:end] = True
            shown = int((example.marks[:, 0] >= 0).sum())
            shared[example.row] = max(shared[example.row], shown - window.stride)
            first, last = example.labels
            scores = generator.random((example.length, 2), np.float32)
            if first:
                whole[example.row] = True
                scores[first, 0] = scores[last, 1] = 9
            oracle.append(scores)
        predicted = best_answers(Span(), found, examples, oracle)
        noise = [generator.random(scores.shape, np.float32) for scores in oracle]
        guessed = best_answers(Span(), found, examples, noise)
        for n, row in enumerate(found):
            context, answer = row["context"], row["answers"]["text"][0]
            left = {c for c, there in zip(context, inside[n], strict=True) if not there}
            assert not "".join(left).strip(), (code, row["id"], left)
            pieces = len(tokenizer.fast.encode(f" {answer} ", add_special_tokens=False).ids) + 2
            if pieces <= shared[n]:
                assert whole[n], (code, row["id"], answer)
            if pieces <= shared[n] // 2:
                assert answer.strip() in predicted[n]["text"], (code, row["id"])
            for text in (predicted[n]["text"], guessed[n]["text"]):
                assert text, (code, row["id"])
                assert text in context
        assert sum(whole) > 0.8 * len(found), code


def cut(text: str) -> str:
    return text[: len(text) // 2]


def no_question(text: str) -> str:
    """Without the question of the third item, a column of the third line."""
    if text.startswith("{"):
        parts = text.split('"question":')
        return '"question":'.join(parts[:3]) + '"asked":' + '"question":'.join(parts[3:])
    lines = text.split("\n")
    lines[2] = lines[2].replace("\t", " ", 1)
    return "\n".join(lines)


def no_answers(text: str) -> str:
    """With the answers stripped."""
    if text.startswith("{"):
        data = json.loads(text)
        for article in data["data"]:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    question["answers"] = []
        return json.dumps(data, ensure_ascii=False)
    return re.sub(r"\t[\d ]+\t[\d: ]+\t[\d: ]+$", "\t\t\t", text, flags=re.M)


PLACE = r"(line \d+|question '[^']*')(:| )"
DAMAGE = {
    "truncated": (cut, PLACE + r".*(not valid JSON|not a JSON object|expected)"),
    "a column dropped": (no_question, PLACE + r".*(missing|expected)"),
    "answers stripped": (no_answers, PLACE + r".*expected"),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    ("name", "split", "code"),
    [
        *[("squad", "train", code) for code in ("ar", "en", "fa", "ja", "pt", "zh")],
        ("squad2", "train", "en"),
        ("qamr", "train", "en"),
        ("mlqa", "test", "vi"),
        ("xquad", "test", "th"),
        ("tydiqa", "test", "sw"),
        ("tydiqa", "train", "ko"),
        ("multichecklist", "test", "de"),
    ],
)
def test_a_damaged_copy_of_a_real_file_is_refused_in_one_sentence(
    name: str, split: Split, code: str, damage: str, real_data: Path, tmp_path: Path
) -> None:
    directory = ReleaseDirectory(real_data)
    files = [file["path"] for file in loaded(real_data, name, split, (code,))[code].origin["files"]]
    for at, file in enumerate(files):
        change = DAMAGE[damage][0] if at == 0 else str
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(change(directory.read(file)[0]), encoding="utf8")
    if (name, damage) == ("multichecklist", "answers stripped"):
        pytest.skip("templates have no answers to strip but those of a dropped column")
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, name, split, (code,))
    assert str(caught.value).startswith(str(tmp_path / files[0]))
    assert re.search(DAMAGE[damage][1], str(caught.value)), str(caught.value)
    (tmp_path / files[0]).write_bytes(directory.read(files[0])[0].encode("utf-16"))
    with pytest.raises(DataError, match=re.escape(files[0])):
        loaded(tmp_path, name, split, (code,))
