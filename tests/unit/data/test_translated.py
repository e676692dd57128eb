"""Rows made of translations: labels stay, answers are found again, files are checked as a whole."""

import json

import pytest

from xlgap.data import schema
from xlgap.data.translated import by_translator, from_file, parts, translated
from xlgap.errors import DataError
from xlgap.tasks.base import Choose, Classify, Span, Tag, can_translate

PAIR, ONE = Classify(labels=("yes", "no")), Classify(labels=("yes", "no"), pair=False)
CHOOSE, SPAN = Choose(choices=2), Span(unanswerable=True)
ROWS = {
    "pair": (PAIR, {"id": "a", "group": "g", "text": "one", "text_b": "two", "label": "no"}),
    "one": (ONE, {"id": "a", "group": "g", "text": "one", "label": "yes"}),
    "choose": (CHOOSE, {"id": "a", "group": "g", "text": "one", "choices": ["x", "y"], "label": 1}),
    "span": (
        SPAN,
        {
            "id": "a", "group": "g", "context": "one two", "question": "which",
            "answers": {"text": ["two"], "answer_start": [4]},
        },
    ),
}  # fmt: skip


def shout(texts):
    return [text.upper() + "!" for text in texts]


def span(context, *answers):
    found = {"text": list(answers), "answer_start": [context.index(a) for a in answers]}
    return {"id": context, "group": "g", "context": context, "question": "q", "answers": found}


@pytest.mark.parametrize("name", ROWS)
def test_labels_ids_and_groups_stay(name):
    kind, row = ROWS[name]
    (made,) = translated(kind, [row], by_translator(kind, [row], lambda ts: [t[::-1] for t in ts])).rows
    assert schema.problem(kind, made) is None
    assert (made["id"], made["group"], made.get("label")) == ("a", "g", row.get("label"))
    assert schema.texts(kind, made) == [text[::-1] for text in schema.texts(kind, row)]


def test_each_text_is_translated_once():
    asked = []
    rows = [{**ROWS["pair"][1], "id": str(n), "text_b": str(n % 2)} for n in range(6)]

    def translate(texts):
        asked.extend(texts)
        return shout(texts)

    found = by_translator(PAIR, rows, translate)
    assert asked == ["one", "0", "1"]
    assert found[3] == ["ONE!", "1!"]


def test_an_answer_is_where_the_translated_context_has_it():
    rows = [span("one two one", "one"), span("three", "three"), span("plain")]
    texts = [["eins zwei eins", "q", "eins"], ["drei", "q", "vier"], ["schlicht", "q"]]
    found = translated(SPAN, rows, texts)
    assert [row["answers"] for row in found.rows] == [
        {"text": ["eins"], "answer_start": [0]},
        {"text": [], "answer_start": []},
    ]
    assert found.dropped == ("three",)
    with pytest.raises(DataError, match="none of 1 questions has an answer"):
        translated(SPAN, rows[1:2], texts[1:2])


def test_an_empty_translation_is_told():
    with pytest.raises(DataError, match="1 of 2 texts have an empty translation, the first of 'two'"):
        by_translator(PAIR, [ROWS["pair"][1]], lambda texts: ["x", " "])


def test_tags_cannot_be_translated():
    assert not can_translate(Tag(tags=("O",), bio=True))
    assert all(can_translate(kind) for kind, _ in ROWS.values())
    with pytest.raises(DataError, match="'tag' cannot be translated"):
        parts(Tag(tags=("O",), bio=True), {})


def given(path, entries):
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("pair", {"text": "eins", "text_b": "zwei"}),
        ("one", {"text": "eins"}),
        ("choose", {"text": "eins", "choices": ["a", "b"]}),
        ("span", {"context": "eins zwei", "question": "was", "answers": ["zwei"]}),
    ],
)
def test_a_file_gives_the_texts(tmp_path, name, entry):
    kind, row = ROWS[name]
    path = given(tmp_path / "t.jsonl", [{"id": "a", **entry}])
    (made,) = translated(kind, [row], from_file(path, kind, [row], whole=True)).rows
    assert schema.problem(kind, made) is None
    assert schema.texts(kind, made)[0].startswith("eins")


def test_all_that_is_wrong_with_a_file_is_one_sentence(tmp_path):
    rows = [{**ROWS["pair"][1], "id": name} for name in "abcdefg"]
    fine = {"text": "x", "text_b": "y"}
    entries = [
        {"id": "a", **fine}, {"id": "b", **fine, "text_b": " "}, {"id": "c", "text": "x"},
        {"id": "y", **fine}, {"id": "z", **fine}, {"id": "a", **fine},
    ]  # fmt: skip
    path = given(tmp_path / "t.jsonl", entries)
    with pytest.raises(DataError) as caught:
        from_file(path, PAIR, rows, whole=True)
    assert str(caught.value) == (
        f"{path}: 4 English rows without a translation (d, e, f, ...); 2 ids that no English row has "
        "(y, z); 1 ids that stand there more than once (a); 2 rows with a missing or empty text (b, c)"
        "; expected one JSON object for each of the 7 English training rows, with the keys id, text, "
        "text_b."
    )
    with pytest.raises(DataError) as caught:
        from_file(path, PAIR, rows, whole=False)  # of a part of the rows the file may have others
    assert "no English row" not in str(caught.value)
    with pytest.raises(DataError, match="no such file of translations"):
        from_file(tmp_path / "none.jsonl", PAIR, rows, whole=True)
    wrong = [{"id": "a", "text": "x", "choices": ["a"]}, {"id": "b", "text": "x", "choices": 1}]
    both = [{**ROWS["choose"][1], "id": name} for name in "ab"]
    with pytest.raises(DataError, match="2 rows with a missing"):
        from_file(given(path, wrong), CHOOSE, both, whole=True)
