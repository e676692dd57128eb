"""BUCC 2018 in the official schema, with invented sentences."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = {
    "de": ("Wolke", "Hafen", "Brot", "Insel", "Lampe", "Wald"),
    "ru": ("облако", "гавань", "хлеб", "остров", "лампа", "лес"),
    "en": ("cloud", "harbour", "bread", "island", "lamp", "forest"),
}
SENTENCES, PAIRS = 30, 10


def bucc_sentence(code: str, number: int) -> str:
    """A sentence of its own for each number."""
    digits = (number // 36 % 6, number // 6 % 6, number % 6)
    return " ".join(WORDS[code][digit] for digit in digits) + f" {number}"


def bucc_files(root: Path, code: str, split: str, first: int) -> None:
    """``SENTENCES`` of either side, ``PAIRS`` of them translations; numbers from ``first`` on."""
    folder = root / "xtreme_v1" / "bucc2018"
    folder.mkdir(parents=True, exist_ok=True)
    english = [first + i if i < PAIRS else first + 500 + i for i in range(SENTENCES)]
    random.Random(0).shuffle(english)
    sides = {code: range(first, first + SENTENCES), "en": english}
    ids = {
        side: {number: f"{side}-{i:09}" for i, number in enumerate(numbers, 1)}
        for side, numbers in sides.items()
    }
    for side, numbers in ids.items():
        text = "".join(f"{name}\t{bucc_sentence(side, n)}\n" for n, name in numbers.items())
        (folder / f"{code}-en.{split}.{side}").write_text(text, encoding="utf8")
    pairs = [f"{ids[code][first + i]}\t{ids['en'][first + i]}\n" for i in range(PAIRS)]
    (folder / f"{code}-en.{split}.gold").write_text("".join(pairs), encoding="utf8")
