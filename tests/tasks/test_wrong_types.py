"""Values of a wrong type or out of bounds in JSON: one sentence with the place, never a traceback."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rank_files

from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks._readers import choice
from xlgap.tasks._readers.qa import iapp, squad2, squad_mended, squad_unique

VALUES = (None, 5, -1, "", "x", [], {}, [None], [5], [0], True, 1.5, 10**9)
PLACE = r"(line \d+|article \d+(, paragraph \d+)?(, question .*?)?|question \d+): ."


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return rank_files.write(tmp_path / "release")


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands: every key, and the first entry of each list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*above, key)
            yield from paths(inner, (*above, key))
    elif isinstance(value, list) and value:
        yield (*above, 0)
        yield from paths(value[0], (*above, 0))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    changed = inner = copy.deepcopy(value)
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return changed


def unclear(read: Callable[[], object], place: str = PLACE) -> str | None:
    """What a reader ends in where it is neither rows nor one clear sentence."""
    try:
        read()
    except DataError as error:
        said = str(error)
        clear = re.match(place, said) and re.search("expected|allowed", said) and "\n" not in said
        return None if clear else said
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def squad(**more: Any) -> dict[str, Any]:
    context = "The mill stood by the river. The mill burnt down."
    answers = [{"text": "river", "answer_start": context.index("river")}]
    question = {"id": "q", "question": "Where?", "answers": answers, **more}
    return {"data": [{"paragraphs": [{"context": context, "qas": [question]}]}]}


@pytest.mark.parametrize("read", [squad_unique, squad2, squad_mended])
def test_squad(read: Callable[[str], Iterator[Any]]) -> None:
    value = squad(is_impossible=False)
    assert len(list(read(json.dumps(value)))) == 1
    for path in paths(value):
        for new in VALUES:
            text = json.dumps(put(value, path, new))
            assert unclear(lambda text=text: list(read(text))) is None, (path, new)


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, "null", "[]", "5", '{"data": 5}', ""])
def test_json_that_is_no_squad(text: str) -> None:
    with pytest.raises(DataError, match=r"line 1: .*expected"):
        list(squad_unique(text))


def test_an_id_of_squad2_that_stands_twice() -> None:
    value = squad(is_impossible=False)
    value["data"].append(value["data"][0])
    with pytest.raises(DataError, match=r"question 2: expected an id of its own, got 'q'"):
        list(squad2(json.dumps(value)))


def test_iapp() -> None:
    answers = {"text": ["river"], "answer_start": [22]}
    context = squad()["data"][0]["paragraphs"][0]["context"]
    value = {"article_id": "a", "question_id": "q", "context": context, "question": "Where?"}
    value = {**value, "answers": answers}
    assert len(list(iapp(json.dumps(value)))) == 1
    for path in paths(value):
        for new in VALUES:
            text = json.dumps(put(value, path, new))
            assert unclear(lambda text=text: list(iapp(text))) is None, (path, new)
    with pytest.raises(
        DataError, match=r"line 2: expected an id of its own, got 'q', which is line 1's"
    ):
        list(iapp(f"{json.dumps(value)}\n{json.dumps(value)}\n"))


def test_ids_of_questions_that_stand_twice() -> None:
    asked = {"premise": "p", "choice1": "a", "choice2": "b", "question": "cause", "label": 0, "idx": 3}
    with pytest.raises(
        DataError, match=r"line 2: expected an id of its own, got '3', which is line 1's"
    ):
        list(choice.copa(f"{json.dumps(asked)}\n{json.dumps(asked | {'label': 1})}\n"))
    with pytest.raises(DataError, match=r"line 1: expected a number as 'idx', got 'three'"):
        list(choice.copa(json.dumps(asked | {"idx": "three"})))
    ending = {"ind": 3, "ctx": "c", "endings": ["a", "b"], "label": 0}
    with pytest.raises(DataError, match=r"line 2: expected an id of its own"):
        list(choice.continued(f"{json.dumps(ending)}\n{json.dumps(ending)}\n", 2))


ONE_OF_MANY = {
    (("sentences", 0), "'x'"),
    (("sentence_breaks", 0, 0), "0"),
    (("sentence_breaks", 0, 0), "5"),
    (("sentence_breaks", 0, 1), "5"),
}
"""What may stand in one of 36 sentences: a break within the context, another text, or what is right."""


def test_lareqa(files: Path) -> None:
    task, path = get_task("lareqa"), files / "xtreme_r/lareqa/xquad-r/de.json"
    value = json.loads(path.read_text())
    paragraphs = value["data"][0]["paragraphs"]

    def read() -> object:
        return load(task, "candidates", ["de"], source="release", data_dir=files)

    for key in ("sentence_breaks", "sentences"):
        for at in [(key,), (key, 0), *([(key, 0, 0), (key, 0, 1)] if key == "sentence_breaks" else [])]:
            for new in VALUES:
                if (at, repr(new)) in ONE_OF_MANY:
                    continue
                wrong = [put(paragraphs[0], at, new), *paragraphs[1:]]
                path.write_text(json.dumps({"data": [{"paragraphs": wrong}]}))
                assert unclear(read, rf".*/de\.json, {PLACE}") is None, (at, new)
                with pytest.raises(DataError, match=r"de\.json, article 1, paragraph 1: "):
                    read()


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (-1, r"paragraph 1: expected where sentence 1 begins and ends, .*, got \[-1, 11\]"),
        (
            9999,
            r"paragraph 1: expected where sentence 1 begins and ends, from 0 to \d+, .* got \[9999,",
        ),
    ],
)
def test_breaks_outside_their_paragraph(files: Path, shift: int, message: str) -> None:
    path = files / "xtreme_r/lareqa/xquad-r/de.json"
    value = json.loads(path.read_text())
    for paragraph in value["data"][0]["paragraphs"]:
        paragraph["sentence_breaks"] = [[b + shift, e + shift] for b, e in paragraph["sentence_breaks"]]
    path.write_text(json.dumps(value))
    with pytest.raises(DataError, match=message):
        load(get_task("lareqa"), "candidates", ["de"], source="release", data_dir=files)


def breaks_of_another_text(paragraph: dict[str, Any]) -> None:
    """All within the context and in order, but a letter early."""
    first, *others = paragraph["sentence_breaks"]
    paragraph["sentence_breaks"] = [[0, first[1] - 1], *([b - 1, e - 1] for b, e in others)]


def sentences_cut_with_their_breaks(paragraph: dict[str, Any]) -> None:
    """Breaks hold their sentences; the answers stand at the seams."""
    context, cuts = paragraph["context"], []
    for question in paragraph["qas"]:
        answer = question["answers"][0]
        cuts.append(answer["answer_start"] + len(answer["text"]) // 2)
    ends = [*cuts, len(context)]
    breaks = [[b, e] for b, e in zip([0, *cuts], ends, strict=True)]
    paragraph["sentence_breaks"] = breaks
    paragraph["sentences"] = [context[b:e] for b, e in breaks]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            breaks_of_another_text,
            r"de\.json, article 1, paragraph 1: sentence 1 does not stand at its break, as 36 of 36",
        ),
        (
            sentences_cut_with_their_breaks,
            r"de\.json, article 1, paragraph 1, question 'q0-0': its answer does not stand in one "
            r"sentence, as 18 of 18 answers do not; expected at most 10%",
        ),
    ],
)
def test_breaks_that_lie_elsewhere(files: Path, damage: Callable[..., None], message: str) -> None:
    path = files / "xtreme_r/lareqa/xquad-r/de.json"
    value = json.loads(path.read_text())
    for paragraph in value["data"][0]["paragraphs"]:
        damage(paragraph)
    path.write_text(json.dumps(value))
    for split, code in (("candidates", "de"), ("test", "ar")):
        with pytest.raises(DataError, match=message):
            load(get_task("lareqa"), split, [code], source="release", data_dir=files)


MEWSLIX = {
    "wikipedia_pairs-train": ("train", "en"),
    "wikinews_mentions-test": ("test", "ar"),
    "candidate_set_entities": ("candidates", "ar"),
}


@pytest.mark.parametrize("name", MEWSLIX)
def test_mewslix(files: Path, name: str) -> None:
    split, code = MEWSLIX[name]
    path = files / f"xtreme_r/mewslix/{name}.jsonl"
    first, *others = path.read_text(encoding="utf8").splitlines()

    def read() -> object:
        return load(get_task("mewslix"), split, [code], source="release", data_dir=files)

    read()
    for at in paths(json.loads(first)):
        for new in VALUES:
            changed = json.dumps(put(json.loads(first), at, new))
            path.write_text("\n".join([changed, *others]) + "\n", encoding="utf8")
            said = unclear(read, rf".*/{name}\.jsonl, {PLACE}")
            assert said is None, (at, new, said)


def test_a_span_of_mewslix_without_its_end(files: Path) -> None:
    path = files / "xtreme_r/mewslix/wikinews_mentions-test.jsonl"
    first, *others = path.read_text(encoding="utf8").splitlines()
    value = json.loads(first)
    for wrong, message in (
        ([{"start": 0}], r"line 1: expected the key 'end', which is missing"),
        (None, r"line 1: expected a list as 'sentence_spans', got None"),
    ):
        value["context"]["sentence_spans"] = wrong
        path.write_text("\n".join([json.dumps(value), *others]) + "\n", encoding="utf8")
        with pytest.raises(DataError, match=message):
            load(get_task("mewslix"), "test", ["ar"], source="release", data_dir=files)
