"""A translation model of the hub: English texts into another language, greedily.

Encoder-decoder checkpoints that transformers translates with: MarianMT (one pair of languages, or a
target token before the text), M2M100, NLLB and mBART-50 (the target language is the first token of the
translation). safetensors only, no remote code.

Shape letters: B texts, L sub-words of their translations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from xlgap.checkout import model_place
from xlgap.errors import DataError
from xlgap.languages import get_language

BATCH = 32
"""Texts in a forward pass; their order, by length, depends on the texts alone."""
GROWTH, ROOM = 2, 16
"""A translation has at most ``GROWTH`` times the sub-words of its text, and ``ROOM``."""
_MARK = re.compile(r">>\w+<<")
"""What asks a MarianMT model of several languages for one of them."""
_NAMED_OTHERWISE = {"zh": ("zho_Hans",), "et": ("est_Latn",)}
"""Where a model's name of a language is not made of our codes."""


@dataclass(frozen=True)
class Batch:
    """What a model makes of some texts.

    Attributes:
        texts: the translations.
        cut: how many sources are longer than the model reads; the rest of these was not translated.
        unfinished: how many translations were still going on when they had their most sub-words.
    """

    texts: tuple[str, ...]
    cut: int
    unfinished: int


def batches(texts: Sequence[str]) -> list[list[int]]:
    """Indices of the texts that are translated together, by length: what each is depends on it."""
    order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), texts[i]))
    return [order[begin : begin + BATCH] for begin in range(0, len(order), BATCH)]


class HubTranslator:
    """A translation model and the tokens that ask it for a language.

    Raises:
        DataError: it cannot be had, has no safetensors, or does not know the language.
    """

    def __init__(self, repo: str, revision: str | None, *, language: str) -> None:
        self.repo, self.language = repo, language
        self._model, self._tokenizer = _load(repo, revision)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model.to(device).eval()
        self._limit = int(getattr(self._model.config, "max_position_embeddings", 512))
        self._prefix, self._first = self._target()

    def _target(self) -> tuple[str, int | None]:
        """What stands before a text, and the first token of its translation."""
        # M2M100's tokenizer keeps its languages apart from its vocabulary
        of_languages = getattr(self._tokenizer, "lang_token_to_id", {})
        vocabulary = {**self._tokenizer.get_vocab(), **of_languages}
        if self._model.config.model_type == "marian":
            if not any(_MARK.fullmatch(name) for name in vocabulary):  # of one pair of languages
                return "", None
            known = get_language(self.language)
            codes = (self.language, known.iso639_3)
            marks = [f">>{code}<<" for code in codes]
            return f"{self._known(self.language, marks, vocabulary)} ", None
        source, target = (
            self._known(code, _names(code, vocabulary), vocabulary) for code in ("en", self.language)
        )
        self._tokenizer.src_lang = source.strip("_")
        return "", vocabulary[target]

    def _known(self, language: str, names: Sequence[str], vocabulary: Mapping[str, int]) -> str:
        """The first of ``names`` of a language that the model has."""
        found = [name for name in names if name in vocabulary]
        if not found:
            raise DataError(
                f"the translation model '{self.repo}' does not know '{language}' (it was looked "
                f"for as {', '.join(names)}); name a model that does, or give translations as a file."
            )
        return found[0]

    def translate(self, texts: Sequence[str]) -> list[str]:
        """The translations of ``texts``, in their order."""
        found = [""] * len(texts)
        for chosen in batches(texts):
            made = self.batch([texts[i] for i in chosen]).texts
            for index, text in zip(chosen, made, strict=True):
                found[index] = text
        return found

    @torch.inference_mode()
    def batch(self, texts: Sequence[str]) -> Batch:
        """The translations of texts that are translated together."""
        marked = [self._prefix + text for text in texts]
        lengths = [len(ids) for ids in self._tokenizer(marked)["input_ids"]]
        encoded = self._tokenizer(
            marked, return_tensors="pt", padding=True, truncation=True, max_length=self._limit
        ).to(self._model.device)
        encoded.pop("token_type_ids", None)
        room = min(self._limit, GROWTH * encoded["input_ids"].shape[1] + ROOM)
        first = {} if self._first is None else {"forced_bos_token_id": self._first}
        ids_BL = self._model.generate(
            **encoded, num_beams=1, do_sample=False, max_new_tokens=room, max_length=None, **first
        )
        decoded: list[str] = self._tokenizer.batch_decode(ids_BL, skip_special_tokens=True)
        return Batch(
            texts=tuple(text.strip() for text in decoded),
            cut=sum(length > self._limit for length in lengths),
            unfinished=int((~self._ended(ids_BL)).sum()),
        )

    def _ended(self, ids_BL: torch.Tensor) -> torch.Tensor:
        """Which translations ``[B]`` have a last token; before the first one it may stand as well."""
        last = torch.as_tensor(self._model.generation_config.eos_token_id, device=ids_BL.device)
        return torch.isin(ids_BL[:, 1:], last).any(1)


def _names(language: str, vocabulary: Iterable[str]) -> list[str]:
    """What models call a language: NLLB's code, M2M100's token, mBART-50's code with a country."""
    known = get_language(language)
    with_country = re.compile(rf"{language}_[A-Z]{{2}}")
    return [
        *_NAMED_OTHERWISE.get(language, ()),
        f"{known.iso639_3}_{known.script}",
        f"__{language}__",
        *sorted(name for name in vocabulary if with_country.fullmatch(name)),
    ]


def _load(repo: str, revision: str | None) -> tuple[Any, Any]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    place = model_place(repo)
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, revision=revision, trust_remote_code=False)
        model = AutoModelForSeq2SeqLM.from_pretrained(
            place,
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
        )
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(f"the translation model '{repo}' cannot be loaded: {first}") from error
    return model, tokenizer
