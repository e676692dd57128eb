"""How a tokenizer splits each language's text: fertility, and sub-words shared with English.

Fertility is the number of sub-words of a word (Rust et al. 2021, How good is your tokenizer?, ACL),
which a script without spaces does not have. What is compared between languages is therefore the
*relative* one: sub-words for each sub-word of English, of the same sentences in both (Petrov et al.
2023, Language model tokenizers introduce unfairness between languages, NeurIPS). It needs a parallel
test set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Encode = Callable[[Sequence[str]], Iterable[Sequence[str]]]
"""From texts to the sub-words of each, special tokens left out."""


@dataclass(frozen=True, kw_only=True)
class SubwordRow:
    """The text of one language of a test set in the sub-words of one tokenizer.

    Attributes:
        tokenizer: ``ladder``, or the hub repository.
        models: that use it.
        task, language: whose test rows were read.
        rows: how many.
        subwords, words, characters: in them; ``words`` is ``None`` for scripts without spaces.
        fertility: sub-words of a word; ``None`` without words.
        relative: sub-words for each sub-word of English, of the same sentences; ``None`` where they
            are no translations.
        shared: share of the distinct sub-words that the English side has, too, 0-1; ``None`` likewise.
    """

    tokenizer: str
    models: tuple[str, ...]
    task: str
    language: str
    rows: int
    subwords: int
    words: int | None
    characters: int
    fertility: float | None
    relative: float | None
    shared: float | None


def subword_row(
    encode: Encode,
    texts: Sequence[str],
    english: Sequence[str] | None,
    *,
    tokenizer: str,
    models: tuple[str, ...],
    task: str,
    language: str,
    rows: int,
    spaceless: bool,
) -> SubwordRow:
    """Count one language's ``texts``.

    Args:
        encode: of the tokenizer.
        texts: of the language.
        english: the same texts in English; ``None`` where there is no translation.
        tokenizer: its name.
        models: that use it.
        task: whose test rows the texts are.
        language: of the texts.
        rows: how many the texts are of.
        spaceless: whether the script writes no spaces between words.
    """
    own = [piece for pieces in encode(texts) for piece in pieces]
    words = None if spaceless else sum(len(text.split()) for text in texts)
    relative = shared = None
    if english is not None and own:
        other = [piece for pieces in encode(english) for piece in pieces]
        relative = len(own) / len(other) if other else None
        shared = len(set(own) & set(other)) / len(set(own))
    return SubwordRow(
        tokenizer=tokenizer,
        models=models,
        task=task,
        language=language,
        rows=rows,
        subwords=len(own),
        words=words,
        characters=sum(len(text) for text in texts),
        fertility=len(own) / words if words else None,
        relative=relative,
        shared=shared,
    )
