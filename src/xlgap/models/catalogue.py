"""The catalogue of hub checkpoints: what each is, how large, and how to build it without weights.

Every entry keeps the fields of the checkpoint's ``config.json`` that decide shapes, so that a model of
the right size can be made without network (:func:`xlgap.models.size.size_of`), and the exact counts,
so that a plan needs no torch. A test counts every entry on the meta device and compares.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from xlgap.checkout import model_directory
from xlgap.errors import ConfigError, unknown
from xlgap.formats import read_json
from xlgap.models.decoders import gemma, llama, qwen
from xlgap.models.encoders import bert_like, mt5, umt5
from xlgap.models.entry import Checkpoint

__all__ = [
    "Checkpoint",
    "catalogue",
    "find_checkpoint",
    "get_checkpoint",
    "lacks_masked_head",
    "longest_sequence",
    "pinned_revision",
]


@cache
def catalogue() -> tuple[Checkpoint, ...]:
    """All checkpoints, by family and size."""
    families = (
        _xlm_r, mt5, _bloom, _xglm, _mmbert, _eurobert, bert_like, umt5, qwen, gemma, llama,
    )  # fmt: skip
    return tuple(entry for family in families for entry in family())


@cache
def _by_repo() -> Mapping[str, Checkpoint]:
    return {checkpoint.repo: checkpoint for checkpoint in catalogue()}


def get_checkpoint(repo: str) -> Checkpoint:
    """The checkpoint of the hub repository ``repo``.

    Raises:
        UnknownNameError: the catalogue has no such repository.
    """
    if repo not in _by_repo():
        raise unknown("checkpoint", repo, _by_repo())
    return _by_repo()[repo]


def find_checkpoint(repo: str) -> Checkpoint | None:
    """The checkpoint of ``repo``, or ``None`` when the catalogue does not know it."""
    return _by_repo().get(repo)


def pinned_revision(repo: str, given: str | None, *, key: str) -> str | None:
    """The commit of ``repo`` that a study takes: the one ``given``, else the catalogue's.

    Args:
        repo: hub repository, or a directory, which has no commit: ``None``.
        given: what ``params.yaml`` says under ``key``.
        key: for the error's sentence.

    Raises:
        ConfigError: neither names a commit.
    """
    known = find_checkpoint(repo)
    revision = given or (known.revision if known else None)
    if revision is None and model_directory(repo) is None:
        raise ConfigError(
            f"key '{key}' is missing: "
            + (f"the catalogue pins no commit of '{repo}'" if known else _not_listed(repo))
            + ", and the weights of a study must not move; add 'revision:' with a full commit hash of "
            "that repository."
        )
    return revision


def lacks_masked_head(repo: str) -> str | None:
    """Why masked language modelling cannot go on with a checkpoint, to follow its name in a sentence.

    ``None`` where it can, and where that is known only once the weights are there: of a repository that
    the catalogue does not list.

    >>> lacks_masked_head("bigscience/bloom-560m")
    'is a causal model, for which there is none'
    """
    known = find_checkpoint(repo)
    fields = _fields(repo) if known is None else known.config
    kind = fields.get("model_type") if known is None else known.model_type
    alike = [entry for entry in catalogue() if entry.model_type == kind]
    names = [*(fields.get("architectures") or ()), *(entry.architecture for entry in alike)]
    if any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in names):
        return "is a causal model, for which there is none"
    if any(name.endswith("ForConditionalGeneration") for name in names):
        return "is an encoder-decoder, whose checkpoint has no head of it"
    if any(of.get("tie_word_embeddings") is False for of in (fields, *(e.config for e in alike))):
        return "has an output matrix of its own beside its table of sub-words, which its head needs"
    return None


_TABLES = {"bert": 0, "rembert": 0, "roberta": 1, "xlm-roberta": 1, "xlm-roberta-xl": 1}
"""Kinds of models with a table of positions, and rows of it up to that of padding, by default."""


def longest_sequence(repo: str) -> int | None:
    """Sub-words of the longest sequence that a checkpoint takes; ``None`` where any, or not known.

    >>> longest_sequence("FacebookAI/xlm-roberta-base"), longest_sequence("google/mt5-base")
    (512, None)
    """
    known = find_checkpoint(repo)
    if known is not None:
        return known.positions
    fields = _fields(repo)
    kind, rows = fields.get("model_type"), fields.get("max_position_embeddings")
    if kind not in _TABLES or rows is None:
        return None
    padded = _TABLES[kind] and int(fields.get("pad_token_id", 1)) + 1
    return int(rows) - padded


def _fields(repo: str) -> Mapping[str, Any]:
    """What the ``config.json`` of a checkpoint that is a directory says; nothing of a repository."""
    folder = model_directory(repo)
    if folder is None or not (folder / "config.json").is_file():
        return {}
    fields: Mapping[str, Any] = read_json(folder / "config.json", {})
    return fields


def _not_listed(repo: str) -> str:
    near = difflib.get_close_matches(repo, _by_repo(), n=3)
    return f"the catalogue does not list '{repo}'" + (
        f" (near: {', '.join(near)}; 'xlgap models' lists all)" if near else ""
    )


def _xlm_r() -> Iterator[Checkpoint]:
    """arXiv:1911.02116, arXiv:2105.00572; widths from their released configurations."""
    rows = (
        ("FacebookAI/xlm-roberta-base", "e73636d4f797dec63c3081bb6ed5c7b0bb3f2089", "XLM-R base",
         "xlm-roberta", "XLMRobertaModel", 12, 768, 3072, 12, 250002, 277_453_056, 85_056_000),
        ("FacebookAI/xlm-roberta-large", "c23d21b0620b635a76227c604d44e43a9f0ee389", "XLM-R large",
         "xlm-roberta", "XLMRobertaModel", 24, 1024, 4096, 16, 250002, 558_840_832, 302_311_424),
        ("facebook/xlm-roberta-xl", "aa5d120255845efeebc9b7f42822a1dd0f9ece9d", "XLM-R XL",
         "xlm-roberta-xl", "XLMRobertaXLModel", 36, 2560, 10240, 32, 250880, 3_475_929_600,
         2_832_358_400),
        ("facebook/xlm-roberta-xxl", "03e0fb540c3c9afd4bdda0072e7cb82d2eafd060", "XLM-R XXL",
         "xlm-roberta-xl", "XLMRobertaXLModel", 48, 4096, 16384, 32, 250880, 10_695_954_432,
         9_666_240_512),
    )  # fmt: skip
    for repo, revision, name, kind, model, layers, width, ff, heads, vocabulary, total, rest in rows:
        yield Checkpoint(
            repo=repo, revision=revision, name=name, family="XLM-R", model_type=kind,
            architecture=model, layers=layers, d_model=width, d_ff=ff, heads=heads,
            vocabulary=vocabulary, positions=512, tied=None, params_total=total,
            params_nonembedding=rest,
            config={
                "vocab_size": vocabulary, "hidden_size": width, "num_hidden_layers": layers,
                "num_attention_heads": heads, "intermediate_size": ff, "max_position_embeddings": 514,
                "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1, "bos_token_id": 0,
                "eos_token_id": 2,
            },
        )  # fmt: skip


def _bloom() -> Iterator[Checkpoint]:
    """arXiv:2211.05100: ALiBi, tied; the token table has 250,880 rows for 250,680 tokens."""
    rows = (
        ("bloom-560m", "ac2ae5fab2ce3f9f40dc79b5ca9f637430d24971", "BLOOM-560m", 24, 1024, 16,
         559_214_592, 302_313_472),
        ("bloom-1b1", "6f4195539db0eef1c9d010289f32e0645d9a2354", "BLOOM-1b1", 24, 1536, 16,
         1_065_314_304, 679_962_624),
        ("bloom-1b7", None, "BLOOM-1b7", 24, 2048, 16, 1_722_408_960, 1_208_606_720),
        ("bloom-3b", "52bc5b43010b4844513826b8be3f78c7344c37d7", "BLOOM-3b", 30, 2560, 32,
         3_002_557_440, 2_360_304_640),
        ("bloom-7b1", "850ba1758a7744fedae78caadc152625133b1677", "BLOOM-7b1", 30, 4096, 32,
         7_069_016_064, 6_041_411_584),
        ("bloom", "053d9cd9fbe814e091294f67fcfedb3397b954bb", "BLOOM-176B", 70, 14336, 112,
         176_247_271_424, 172_650_655_744),
    )  # fmt: skip
    for repo, revision, name, layers, width, heads, total, rest in rows:
        yield Checkpoint(
            repo=f"bigscience/{repo}", revision=revision, name=name, family="BLOOM",
            model_type="bloom", architecture="BloomForCausalLM", layers=layers, d_model=width,
            d_ff=4 * width, heads=heads, vocabulary=250880, positions=None, tied=True,
            params_total=total, params_nonembedding=rest,
            config={
                "vocab_size": 250880, "hidden_size": width, "n_layer": layers, "n_head": heads,
                "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3,
            },
        )  # fmt: skip


def _xglm() -> Iterator[Checkpoint]:
    """arXiv:2112.10668: sinusoidal positions, tied."""
    rows = (
        ("564M", "f3059f01b98ccc877c673149e0178c0e957660f9", 24, 1024, 4096, 16, 564_463_616,
         302_311_424),
        ("1.7B", "d23a5e8e2164af31a84a26756b9b17f925143050", 24, 2048, 8192, 16, 1_732_907_008,
         1_208_602_624),
        ("2.9B", "33c659ae27de09c0a54123d3902dac48cbb8592a", 48, 2048, 8192, 16, 2_941_505_536,
         2_417_201_152),
        ("4.5B", "dc6a67fac06c8bca7860b84656a0cb736293a7a8", 48, 2048, 16384, 16, 4_552_511_488,
         4_028_207_104),
        ("7.5B", "732d59308a844004bd9a4def972cc7c3896a38e0", 32, 4096, 16384, 32, 7_492_771_840,
         6_444_163_072),
    )  # fmt: skip
    for name, revision, layers, width, ff, heads, total, rest in rows:
        yield Checkpoint(
            repo=f"facebook/xglm-{name}", revision=revision, name=f"XGLM-{name}", family="XGLM",
            model_type="xglm", architecture="XGLMForCausalLM", layers=layers, d_model=width, d_ff=ff,
            heads=heads, vocabulary=256008, positions=2048, tied=True, params_total=total,
            params_nonembedding=rest,
            config={
                "vocab_size": 256008, "d_model": width, "ffn_dim": ff, "num_layers": layers,
                "attention_heads": heads, "max_position_embeddings": 2048, "scale_embedding": True,
                "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2,
            },
            note="vocabulary and heads taken equal to the other sizes; neither the paper's count nor "
            "ours depends on heads" if name in {"2.9B", "4.5B"} else "",
        )  # fmt: skip


def _mmbert() -> Iterator[Checkpoint]:
    """arXiv:2509.06888: ModernBERT with Gemma 2's vocabulary, every third layer attends globally."""
    rotary = {"rope_type": "default", "rope_theta": 160000.0}
    rows = (
        ("small", "461475a70b192efcbb760df5541d3825b07c4d5b", 384, 6, 140_493_696, 42_189_696),
        ("base", "ca5b84ba39fb0531402e727a3d9a50626d9f522c", 768, 12, 306_939_648, 110_331_648),
    )
    for name, revision, width, heads, total, rest in rows:
        yield Checkpoint(
            repo=f"jhu-clsp/mmBERT-{name}", revision=revision, name=f"mmBERT {name}", family="mmBERT",
            model_type="modernbert", architecture="ModernBertModel", layers=22, d_model=width,
            d_ff=1152, heads=heads, vocabulary=256000, positions=8192, tied=None, params_total=total,
            params_nonembedding=rest,
            config={
                "vocab_size": 256000, "hidden_size": width, "num_hidden_layers": 22,
                "num_attention_heads": heads, "intermediate_size": 1152,
                "max_position_embeddings": 8192, "local_attention": 128, "classifier_pooling": "mean",
                "rope_parameters": {"full_attention": rotary, "sliding_attention": rotary},
                "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1, "cls_token_id": 1,
                "sep_token_id": 1,
            },
            note="the commit is a conversion to safetensors; the main branch has none",
        )  # fmt: skip


def _eurobert() -> Iterator[Checkpoint]:
    """arXiv:2503.05500: grouped-query attention, rotary positions, three gated matrices a block."""
    rows = (
        ("210m", "39b51e15dd1f1a06f58b5cbf6a8a188cec60bd0e", 12, 768, 3072, 12, 12, 211_766_016,
         113_265_408),
        ("610m", "d9af784ed20db6c2096e335ec6a67dd4a219924c", 26, 1152, 4096, 18, 6, 607_874_688,
         460_123_776),
        ("2.1B", "81245a4d71f43452badf5e04458e4ddb831ff109", 32, 2304, 6144, 18, 6, 2_107_590_912,
         1_812_089_088),
    )  # fmt: skip
    for name, revision, layers, width, ff, heads, kv_heads, total, rest in rows:
        yield Checkpoint(
            repo=f"EuroBERT/EuroBERT-{name}", revision=revision, name=f"EuroBERT-{name}",
            family="EuroBERT", model_type="eurobert", architecture="EuroBertModel", layers=layers,
            d_model=width, d_ff=ff, heads=heads, vocabulary=128256, positions=8192, tied=None,
            params_total=total, params_nonembedding=rest,
            config={
                "vocab_size": 128256, "hidden_size": width, "num_hidden_layers": layers,
                "num_attention_heads": heads, "num_key_value_heads": kv_heads,
                "intermediate_size": ff, "max_position_embeddings": 8192,
                "rope_parameters": {"rope_type": "default", "rope_theta": 250000.0},
                "tie_word_embeddings": False, "bos_token_id": 128000, "eos_token_id": 128001,
                "pad_token_id": 128001, "mask_token_id": 128002,
            },
        )  # fmt: skip
