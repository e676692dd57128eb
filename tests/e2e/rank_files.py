"""Files of LAReQA and Mewsli-X in the official schemas, with invented text of each script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlgap.languages import CODES, get_language
from xlgap.tasks.lareqa import LANGUAGES as LAREQA
from xlgap.tasks.mewslix import LANGUAGES as MEWSLIX

_FIRST = {
    "Latn": "a", "Arab": "ب", "Cyrl": "а", "Beng": "ক", "Grek": "α", "Gujr": "ક", "Hebr": "א",
    "Deva": "क", "Jpan": "あ", "Geor": "ა", "Hang": "가", "Mlym": "ക", "Mymr": "က", "Guru": "ਕ",
    "Taml": "ப", "Telu": "క", "Thai": "ก", "Hans": "一",
}  # fmt: skip


def word(code: str, number: int) -> str:
    """A word of its own for each number, in the letters of the language."""
    first = ord(_FIRST[get_language(code).script])
    return "".join(chr(first + int(digit)) for digit in f"{number:05d}")


def xquad_r(code: str, paragraphs: int, *, start: int = 0) -> dict[str, Any]:
    """Paragraphs of three sentences; the questions are on the first and, in two, the last."""
    found = []
    for n in range(start, start + paragraphs):
        texts = [f"{word(code, 10 * n + k)} {word(code, 50_000 + 10 * n + k)}." for k in range(3)]
        context, breaks = " ".join(texts), []
        for text in texts:
            begin = context.index(text)
            breaks.append([begin, begin + len(text)])
        asked = [(0, word(code, 10 * n)), (2, word(code, 10 * n + 2))][: 1 + n % 2]
        questions = [
            {
                "id": f"q{n}-{k}",
                "question": f"{answer} {word(code, 90_000)}?",
                "answers": [{"text": answer, "answer_start": context.index(answer)}],
            }
            for k, answer in asked
        ]
        found.append(
            {"context": context, "qas": questions, "sentence_breaks": breaks, "sentences": texts}
        )
    return {"version": "1.1", "data": [{"title": "t", "paragraphs": found}]}


def squad(paragraphs: int, *, start: int) -> dict[str, Any]:
    """SQuAD's schema: no sentences; text of its own, in capitals, for the rule to break."""
    found = []
    for n in range(start, start + paragraphs):
        one, two = (f"{word('en', 10 * n + k).capitalize()} {word('en', n)}." for k in (0, 1))
        context, answer = f"{one} {two}", word("en", 10 * n + 1).capitalize()
        place = {"text": answer, "answer_start": context.index(answer)}
        question = {"id": f"s{n}", "question": f"Which is {answer}?", "answers": [place]}
        found.append({"context": context, "qas": [question]})
    return {"version": "1.1", "data": [{"title": "t", "paragraphs": found}]}


def entity(number: int, language: str) -> dict[str, Any]:
    """One of two sentences."""
    texts = [f"{word(language, number)} {word(language, number + k)}." for k in (1, 2)]
    return {
        "entity_id": f"Q{number}",
        "title": word(language, number),
        "description": " \n".join(texts),
        "sentence_spans": [
            {"start": 0, "end": len(texts[0])},
            {"start": len(texts[0]) + 2, "end": len(texts[0]) + 2 + len(texts[1])},
        ],
        "description_language": language,
        "description_url": f"https://example.org/{number}",
    }


def mention(number: int, language: str, name: str) -> dict[str, Any]:
    """A context of two sentences with a mention in the second, and the mention."""
    first = f"{word(language, number)} {{{word(language, 7)}}}."
    second = f"{word(language, 8)} {word(language, number)} {word(language, 9)}."
    text, begin = f"{first} {second}", len(first) + 1 + len(word(language, 8)) + 1
    end = begin + len(word(language, number))
    return {
        "context": {
            "document_title": "t",
            "document_url": "https://example.org",
            "document_id": f"{language}-{number // 2}",
            "language": language,
            "text": text,
            "sentence_spans": [
                {"start": 0, "end": len(first)},
                {"start": len(first) + 1, "end": len(text)},
            ],
        },
        "mention": {
            "example_id": f"{language}:{number}",
            "mention_span": {"start": begin, "end": end, "text": text[begin:end]},
            "entity_id": name,
        },
    }


def _mewslix() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    candidates = [entity(1000 + n, code) for n, code in enumerate(CODES * 2)]
    tests = []
    for n, code in enumerate(MEWSLIX):
        for k in range(4):
            found = mention(4 * n + k, code, candidates[(4 * n + k) * 7 % 100]["entity_id"])
            if k % 2:  # both layouts of a line
                found["mentions"] = [found.pop("mention")]
            tests.append(found)
    yield "candidate_set_entities", candidates
    yield "wikinews_mentions-test", tests
    for split, start, count in (("train", 3000, 64), ("dev", 4000, 16)):
        yield (
            f"wikipedia_pairs-{split}",
            [
                {
                    "contextual_mention": mention(n, "en", f"Q{n}"),
                    "entity": entity(n, "en"),
                }
                for n in range(start, start + count)
            ],
        )


def write(root: Path) -> Path:
    """All files below ``root``."""
    texts = {
        f"xtreme_r/lareqa/xquad-r/{code}.json": json.dumps(xquad_r(code, 12), ensure_ascii=False)
        for code in LAREQA
    }
    for name, start, count in (("train", 3000, 40), ("heldout", 4000, 12)):
        path = f"intermediate_en/qa/squad_v1.1/{name}_from_dev.json"
        texts[path] = json.dumps(squad(count, start=start))
    for name, rows in _mewslix():
        found = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        texts[f"xtreme_r/mewslix/{name}.jsonl"] = found
    for code in ("en", "de"):
        lines = "".join(f"{word(code, n)} {word(code, 3 * n)}\n" for n in range(200))
        texts[f"pretrain/{code}.txt"] = lines
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf8")
    return root
