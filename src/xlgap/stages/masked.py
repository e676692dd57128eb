"""Masked language modelling on text that pretraining has not seen: the lines and their loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xlgap import layout
from xlgap.data.corpus import heldout_lines
from xlgap.errors import ResultError
from xlgap.evaluation.metrics import Floats
from xlgap.formats import atomic_dir, write_json, write_text
from xlgap.graph import needs_corpus
from xlgap.models.aliases import Encoder
from xlgap.models.network import MASKED_HEAD
from xlgap.retained import scored_sets
from xlgap.stages.prepare import corpus_lines
from xlgap.stages.start import Start
from xlgap.stages.study import Study
from xlgap.training.data import MaskedText, encode_lines
from xlgap.training.masked import KeptHead


def heldout(study: Study) -> None:
    """``xlgap heldout``: lines of the pretraining languages that no model is pretrained on.

    ``data/heldout/text`` has a manifest alone where no lines are asked for or nothing is pretrained.
    """
    asked = study.params.evaluation.retention
    count = asked.mlm_lines if asked is not None and needs_corpus(study.params) else 0
    found: dict[str, list[str]] = {}
    if count:
        corpus = {code: corpus_lines(code) for code in study.params.languages.pretraining}
        again = scored_sets(study.params, study.grid)
        found = heldout_lines(study.params, corpus, count, study.data_dir(), again=again)
    with atomic_dir(layout.HELDOUT_TEXT) as folder:
        for code, lines in found.items():
            write_text(folder / f"{code}.txt", "".join(line + "\n" for line in lines))
        write_json(folder / "manifest.json", {code: len(lines) for code, lines in found.items()})


@dataclass(frozen=True)
class MaskedScorer:
    """The held-out lines as a model reads them, and its head of masked language modelling."""

    texts: dict[str, MaskedText]
    kept: KeptHead
    token_budget: int

    @classmethod
    def of(
        cls, study: Study, model: str, languages: Sequence[str], start: Start
    ) -> MaskedScorer | None:
        """For one model; ``None`` for a checkpoint and an untrained twin: not pretrained here.

        Raises:
            ResultError: the model was pretrained by a version that did not keep the head.
        """
        texts = dict(_texts(study, languages, start))
        if not texts or not start.facts.get("pretrained", False):
            return None
        path = layout.pretrained(model) / MASKED_HEAD
        if not path.is_file():
            raise ResultError(
                f"{path}: an earlier version of xlgap has pretrained this model and kept no head; "
                f"remove {path.parent} and run the study again, or set "
                "'evaluation.retention.mlm_lines: 0'."
            )
        kept = KeptHead.load(path, start.encoder())
        return cls(texts, kept, study.params.evaluation.batch_tokens)

    def losses(self, encoder: Encoder) -> Iterator[tuple[str, Floats]]:
        """By language the losses of all lines, ``[N, 2]``, see :meth:`KeptHead.losses`."""
        for code, text in self.texts.items():
            yield code, self.kept.losses(encoder, text, token_budget=self.token_budget)


def _texts(study: Study, languages: Sequence[str], start: Start) -> Iterator[tuple[str, MaskedText]]:
    """The held-out lines of each language, masked by a seed of their own."""
    numbers = study.params.pretrain
    for code in languages:
        path = layout.HELDOUT_TEXT / f"{code}.txt"
        lines = path.read_text(encoding="utf8").split("\n")[:-1] if path.is_file() else []
        if lines:
            encoded = encode_lines(lines, start.tokenizer, length=numbers.sequence_length)
            yield (
                code,
                MaskedText(encoded, start.tokenizer, fraction=numbers.mask_fraction, seed=numbers.seed),
            )
