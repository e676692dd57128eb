"""Release files of SocialIQA, COPA and XCOPA in the official formats with invented text."""

from __future__ import annotations

import json
from pathlib import Path

WORDS = {
    "en": ("boat", "river", "stone", "winter", "door"),
    "et": ("paat", "jõgi", "kivi", "talv", "uks"),
    "sw": ("mashua", "mto", "jiwe", "baridi", "mlango"),
}


def _copa(code: str, start: int, count: int) -> str:
    lines = []
    for i in range(count):
        n, words = start + i, WORDS[code]
        question = {
            "premise": f"{words[n % 5]} {words[n // 5 % 5]} {n}.",
            "choice1": f"{words[n % 3]} {n + 1000}.",
            "choice2": f"{words[n % 4]} {n + 2000}.",
            "question": ("cause", "effect")[n % 2],
            "label": n // 2 % 2,
            "idx": i,
        }
        lines.append(json.dumps(question) + "\n")
    return "".join(lines)


def _siqa(start: int, count: int) -> tuple[str, str]:
    lines, words = [], WORDS["en"]
    for n in range(start, start + count):
        answers = {f"answer{letter}": f"{words[n % 4]} {n} {letter}" for letter in "ABC"}
        question = {"context": f"{words[n % 5]} {n}.", "question": f"Who is {words[n % 3]}?", **answers}
        lines.append(json.dumps(question) + "\n")
    return "".join(lines), "".join(f"{n % 3 + 1}\n" for n in range(start, start + count))


def write_choice_files(root: Path) -> None:
    """Write them below ``root``, XCOPA's in Estonian and Swahili; English text to pretrain on, too."""
    files = {
        "intermediate_en/mc/copa/train-en.jsonl": _copa("en", 0, 40),
        "intermediate_en/mc/copa/val-en.jsonl": _copa("en", 100, 10),
    }
    for split, start, count in (("train", 0, 48), ("dev", 500, 9)):
        questions, labels = _siqa(start, count)
        files[f"intermediate_en/mc/socialiqa/{split}.jsonl"] = questions
        files[f"intermediate_en/mc/socialiqa/{split}-labels.lst"] = labels
    for code in ("et", "sw"):
        files[f"xtreme_r/xcopa/val.{code}.jsonl"] = _copa(code, 100, 10)
        files[f"xtreme_r/xcopa/test.{code}.jsonl"] = _copa(code, 200, 12)
    for code, words in WORDS.items():
        lines = (f"{words[n % 5]} {words[n // 5 % 5]} {n}.\n" for n in range(3000, 3060))
        files[f"pretrain/{code}.txt"] = "".join(lines)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
