"""Tokenizers: one unigram tokenizer for the from-scratch ladder, the checkpoint's own for hub models.

Both are a :class:`Tokenizer`: a fast `tokenizers` object with the ids of its special tokens.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlgap.checkout import model_place
from xlgap.errors import DataError
from xlgap.formats import atomic_path, file_digest

if TYPE_CHECKING:
    import tokenizers

BOS, PAD, EOS, UNK, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"


@dataclass(frozen=True)
class Tokenizer:
    """A fast tokenizer and its special ids.

    Attributes:
        fast: the `tokenizers.Tokenizer`; its post-processor adds the special tokens.
        pad, unk, eos: ids of those tokens.
        mask: id of the mask token, ``None`` where the model has none.
        size: vocabulary size.
        digest: of the file it was read from; part of every train digest.
    """

    fast: Any
    pad: int
    unk: int
    eos: int
    mask: int | None
    size: int
    digest: str


@dataclass(frozen=True)
class PairFrame:
    """What the post-processor puts around the two sides of a pair.

    Attributes:
        before, between, after: ids of special tokens.
        types: token types of ``before``, the first side, ``between``, the second side and ``after``,
            one of each.
    """

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    types: tuple[tuple[int, ...], int, tuple[int, ...], int, tuple[int, ...]]

    @property
    def size(self) -> int:
        """How many special tokens there are."""
        return len(self.before) + len(self.between) + len(self.after)

    def join(self, first: Sequence[int], second: Sequence[int]) -> tuple[list[int], list[int]]:
        """Ids and token types of a pair of which ``first`` and ``second`` are the bare sub-words."""
        before, left, between, right, after = self.types
        ids = [*self.before, *first, *self.between, *second, *self.after]
        kinds = [*before, *[left] * len(first), *between, *[right] * len(second), *after]
        return ids, kinds


def pair_frame(tokenizer: Tokenizer) -> PairFrame:
    """The frame of pairs, read off one that the tokenizer encodes.

    Raises:
        DataError: it turns the sides round.
    """
    probe = tokenizer.fast.encode("a", "a")
    sides = probe.sequence_ids
    first = [k for k, side in enumerate(sides) if side == 0]
    second = [k for k, side in enumerate(sides) if side == 1]
    if not first or not second or first[-1] > second[0]:
        raise DataError(
            "the tokenizer does not encode a pair as one side behind the other; "
            "choose a checkpoint whose tokenizer does."
        )
    parts = slice(0, first[0]), slice(first[-1] + 1, second[0]), slice(second[-1] + 1, None)
    before, between, after = (tuple(probe.ids[part]) for part in parts)
    types = [tuple(probe.type_ids[part]) for part in parts]
    left, right = probe.type_ids[first[0]], probe.type_ids[second[0]]
    return PairFrame(before, between, after, (types[0], left, types[1], right, types[2]))


def train_tokenizer(lines: Iterable[str], path: Path, *, vocabulary: int) -> None:
    """Train a unigram tokenizer on ``lines`` and write it to ``path`` (``tokenizer.json``).

    SentencePiece trains it, on one thread and hence deterministically (the `tokenizers` trainer is
    not); NFKC-normalised, words marked by U+2581, every digit a token of its own, so that quantities
    are comparable; pairs are ``<s> a </s> b </s>``.

    Raises:
        DataError: there is no text, or it has more characters or fewer sub-words than ``vocabulary``.
    """
    from tokenizers import Tokenizer as Fast
    from tokenizers import models, normalizers, pre_tokenizers, processors

    fast = Fast(models.Unigram(_learn_pieces(list(lines), vocabulary - 1), unk_id=3))
    fast.normalizer = normalizers.NFKC()
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    fast.add_special_tokens([BOS, PAD, EOS, UNK, MASK])  # the mask token comes last, as in XLM-R
    ids = {token: fast.token_to_id(token) for token in (BOS, EOS)}
    fast.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}",
        pair=f"{BOS} $A {EOS} $B:1 {EOS}:1",
        special_tokens=list(ids.items()),
    )
    with atomic_path(path) as temporary:
        temporary.write_text(fast.to_str(pretty=False), encoding="utf8")


def _learn_pieces(lines: list[str], size: int) -> list[tuple[str, float]]:
    """Sub-words with their log-probabilities, the four special ones first."""
    import sentencepiece

    if not lines:
        raise DataError("the corpus is empty; add languages under 'languages.pretraining'.")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            vocab_size=size,
            hard_vocab_limit=True,
            model_type="unigram",
            character_coverage=1.0,
            split_digits=True,
            normalization_rule_name="nfkc",
            num_threads=1,
            bos_id=0,
            pad_id=1,
            eos_id=2,
            unk_id=3,
            bos_piece=BOS,
            pad_piece=PAD,
            eos_piece=EOS,
            unk_piece=UNK,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).rsplit("]", 1)[-1].strip()
        allowed = reason
        for pattern, bound in ((r"value <= (\d+)", "most"), (r"chars\. \d+ vs (\d+)", "least")):
            if found := re.search(pattern, reason):
                allowed = f"at {bound} {int(found[1]) + 1}"  # with the mask token
        raise DataError(
            f"key 'pretrain.vocabulary': {size + 1} sub-words cannot be learned from this corpus; "
            f"allowed: {allowed}."
        ) from error
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [(pieces.id_to_piece(i), pieces.get_score(i)) for i in range(pieces.vocab_size())]


def load_tokenizer(path: Path) -> Tokenizer:
    """Read ``tokenizer.json``.

    Raises:
        DataError: no such file, or not a tokenizer.
    """
    from tokenizers import Tokenizer as Fast

    if not path.is_file():
        raise DataError(f"{path}: no such tokenizer; run 'dvc repro corpus' to make it.")
    try:
        fast = Fast.from_str(path.read_text(encoding="utf8"))
    except Exception as error:  # the library raises bare Exception
        raise DataError(f"{path}: not a tokenizer file ({error}); make it again.") from error
    return _wrap(fast, file_digest(path))


def hub_tokenizer(repo: str, revision: str | None) -> Tokenizer:
    """The fast tokenizer of a hub checkpoint, or of a directory of the same layout.

    Raises:
        DataError: it cannot be had, or has no fast version.
    """
    from transformers import AutoTokenizer

    from xlgap.formats import digest

    try:
        slow = AutoTokenizer.from_pretrained(
            model_place(repo), revision=revision, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(f"the tokenizer of '{repo}' cannot be loaded: {first}") from error
    if not slow.is_fast:
        raise DataError(f"'{repo}' has no fast tokenizer; choose a checkpoint that has one.")
    fast: tokenizers.Tokenizer = slow.backend_tokenizer
    declared = {name: getattr(slow, f"{name}_token_id", None) for name in _NAMES}
    told = {"repo": repo, "revision": revision, "json": fast.to_str()}
    fast.no_padding()
    parted = {"parted": True} if _runs_together(fast) else {}
    return _wrap(fast, digest({**told, **parted}), declared)


_NAMES = {
    "pad": (PAD, "[PAD]", "<|padding|>", "<unk>"),
    "unk": (UNK, "[UNK]", "<|endoftext|>"),
    "eos": (EOS, "[SEP]", "<|endoftext|>", "<eos>"),
    "mask": (MASK, "[MASK]", "<extra_id_0>"),
}
"""What tokenizers call their special tokens, the surest name first."""


def _wrap(fast: Any, digest: str, declared: Mapping[str, int | None] | None = None) -> Tokenizer:
    """The tokenizer with its special ids: by their names, else as it declares them.

    Decoders (Qwen, Llama 3) may have no token of padding, which masks hide, nor one of the unknown:
    there it is the one that ends a text.

    Raises:
        DataError: none ends a text.
    """
    fast.no_padding()
    fast.no_truncation()

    def find(kind: str) -> int | None:
        ids = (fast.token_to_id(name) for name in _NAMES[kind])
        return next((i for i in ids if i is not None), (declared or {}).get(kind))

    pad, unk, eos = find("pad"), find("unk"), find("eos")
    if eos is None or (declared is None and None in (pad, unk)):
        raise DataError("the tokenizer lacks a padding, unknown or end-of-sequence token.")
    part_sides(fast, eos)
    return Tokenizer(
        fast=fast,
        pad=eos if pad is None else pad,
        unk=eos if unk is None else unk,
        eos=eos,
        mask=find("mask"),
        size=fast.get_vocab_size(with_added_tokens=True),
        digest=digest,
    )


def part_sides(fast: Any, eos: int) -> None:
    """Put the token that ends a text around and between the sides of a pair, where nothing stands.

    A tokenizer that puts nothing anywhere, as those of BLOOM and Qwen, runs the two sides together.
    """
    from tokenizers import processors

    if not _runs_together(fast):
        return
    name = fast.id_to_token(eos)
    template = processors.TemplateProcessing(
        single="$A", pair=f"{name} $A {name} $B {name}", special_tokens=[(name, eos)]
    )
    own = fast.post_processor
    fast.post_processor = template if own is None else processors.Sequence([own, template])


def _runs_together(fast: Any) -> bool:
    return None not in fast.encode("a", "a").sequence_ids
