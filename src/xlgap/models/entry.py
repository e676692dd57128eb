"""What the catalogue knows of one hub checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One pretrained model of the hub.

    Attributes:
        repo: hub repository.
        revision: a commit of that repository, as other public projects pin it; ``None`` where none was
            seen: a study then has to name one, see :func:`pinned_revision`.
        name: as published, e.g. ``mT5-XXL``.
        family: models of one family share data and design.
        model_type: of transformers.
        architecture: transformers class that is counted: the backbone of an encoder, the language
            model of a decoder, the whole encoder-decoder.
        layers: blocks of the encoder or decoder; of an encoder-decoder, of each side.
        decoder_layers: blocks of the decoder of an encoder-decoder, else 0.
        d_model, d_ff, heads, vocabulary: widths and rows of the token table (padding rows included).
        positions: longest sequence in sub-words; ``None`` where positions are relative or ALiBi.
        tied: whether the released output matrix is the token table; ``None`` where no head is counted.
        params_total: parameters, tied ones counted once.
        params_nonembedding: ``params_total`` without token, output, position and type embeddings.
        encoder_nonembedding: of an encoder-decoder: ``params_nonembedding`` of the encoder alone.
        config: fields of the configuration, beyond ``model_type``.
        note: what a reader must know about this entry.
    """

    repo: str
    revision: str | None
    name: str
    family: str
    model_type: str
    architecture: str
    layers: int
    decoder_layers: int = 0
    d_model: int
    d_ff: int
    heads: int
    vocabulary: int
    positions: int | None
    tied: bool | None
    params_total: int
    params_nonembedding: int
    encoder_nonembedding: int | None = None
    config: Mapping[str, Any] = field(hash=False)
    note: str = ""

    @property
    def trained_total(self) -> int:
        """Parameters of what is fine-tuned: the encoder alone, and no output matrix of its own."""
        table = self.vocabulary * self.d_model
        if self.encoder_nonembedding is not None:
            return self.encoder_nonembedding + table
        return self.params_total - (table if self.tied is False else 0)

    @property
    def trained_nonembedding(self) -> int:
        """Likewise, without embeddings."""
        own = self.encoder_nonembedding
        return self.params_nonembedding if own is None else own
