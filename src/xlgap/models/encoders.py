"""Rows of the catalogue: mBERT, RemBERT, mDeBERTa, and the encoder-decoders mT5, mT0, umT5."""

from __future__ import annotations

from collections.abc import Iterator

from xlgap.models.entry import Checkpoint

_TIES = (
    "transformers 5 ties the output matrix whatever the configuration says; the released weights and "
    "the published counts have it untied"
)


def bert_like() -> Iterator[Checkpoint]:
    """arXiv:1810.04805; arXiv:2010.12821, whose input table is narrower; arXiv:2111.09543."""
    yield Checkpoint(
        repo="google-bert/bert-base-multilingual-cased",
        revision="3f076fdb1ab68d5b2880cb87a0886f315b8146f8", name="mBERT", family="mBERT",
        model_type="bert", architecture="BertModel", layers=12, d_model=768, d_ff=3072, heads=12,
        vocabulary=119547, positions=512, tied=None, params_total=177_262_848,
        params_nonembedding=85_056_000,
        config={
            "vocab_size": 119547, "hidden_size": 768, "num_hidden_layers": 12,
            "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512,
            "type_vocab_size": 2, "pad_token_id": 0,
        },
    )  # fmt: skip
    yield Checkpoint(
        repo="google/rembert", revision=None, name="RemBERT", family="RemBERT", model_type="rembert",
        architecture="RemBertModel", layers=32, d_model=1152, d_ff=4608, heads=18, vocabulary=250300,
        positions=512, tied=None, params_total=574_592_128, params_nonembedding=510_383_744,
        config={
            "vocab_size": 250300, "input_embedding_size": 256, "output_embedding_size": 1664,
            "hidden_size": 1152, "num_hidden_layers": 32, "num_attention_heads": 18,
            "intermediate_size": 4608, "max_position_embeddings": 512, "type_vocab_size": 2,
            "tie_word_embeddings": False, "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0, "pad_token_id": 0, "bos_token_id": 312,
            "eos_token_id": 313,
        },
        note="the output matrix of pretraining is not counted: fine-tuning drops it",
    )  # fmt: skip
    yield Checkpoint(
        repo="microsoft/mdeberta-v3-base", revision="faf660b811036d7b6dfc53aacfe5281447d4e2c6",
        name="mDeBERTa v3 base", family="mDeBERTa", model_type="deberta-v2",
        architecture="DebertaV2Model", layers=12, d_model=768, d_ff=3072, heads=12, vocabulary=251000,
        positions=512, tied=None, params_total=278_218_752, params_nonembedding=85_450_752,
        config={
            "vocab_size": 251000, "hidden_size": 768, "num_hidden_layers": 12,
            "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512,
            "type_vocab_size": 0, "relative_attention": True, "position_buckets": 256,
            "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False, "max_relative_positions": -1, "layer_norm_eps": 1e-7,
            "pad_token_id": 0,
        },
        note="the commit is a conversion to safetensors; the main branch has none",
    )  # fmt: skip


_SIZES = (
    ("small", "Small", 8, 512, 1024, 6, 300_176_768, 44_062_080),
    ("base", "Base", 12, 768, 2048, 12, 582_401_280, 198_229_248),
    ("large", "Large", 24, 1024, 2816, 16, 1_229_581_312, 717_351_936),
    ("xl", "XL", 24, 2048, 5120, 32, 3_742_619_648, 2_718_160_896),
    ("xxl", "XXL", 24, 4096, 10240, 64, 12_921_057_280, 10_872_139_776),
)
_PRETRAINED = {
    "small": "73fb5dbe4756edadc8fbe8c769b0a109493acf7a",
    "base": "2eb15465c5dd7f72a8f7984306ad05ebc3dd1e1f",
    "large": "50b7223e98fcd124b0cabb1ec81bc6324c7df107",
    "xl": "63fc6450d80515b48e026b69ef2fbbd426433e84",
    "xxl": "e07c395916dfbc315d4e5e48b4a54a1e8821b5c0",
}
_TUNED = {"small": "8116a34237e19160ec003147e758f065876d95f0"}


def mt5() -> Iterator[Checkpoint]:
    """arXiv:2010.11934: untied output matrix, gated GELU, heads of 64; fine-tuned: arXiv:2211.01786."""
    families = (("mT5", "google/mt5-", _PRETRAINED), ("mT0", "bigscience/mt0-", _TUNED))
    for family, repo, revisions in families:
        for size, name, layers, width, ff, heads, total, rest in _SIZES:
            yield Checkpoint(
                repo=f"{repo}{size}", revision=revisions.get(size), name=f"{family}-{name}",
                family=family, model_type="mt5", architecture="MT5ForConditionalGeneration",
                layers=layers, decoder_layers=layers, d_model=width, d_ff=ff, heads=heads,
                vocabulary=250112, positions=None, tied=False, params_total=total,
                params_nonembedding=rest,
                encoder_nonembedding=_encoder(
                    layers=layers, width=width, heads=heads, feed_forward=ff, biases=1
                ),
                config=_t5_config(250112, layers, width, ff, heads),
                note=_TIES,
            )  # fmt: skip


def umt5() -> Iterator[Checkpoint]:
    """arXiv:2304.09151: as mT5, but relative positions of every block, and another vocabulary.

    The released umT5-XL is left out: its ``config.json`` was not seen.
    """
    rows = (
        ("small", "Small", 8, 512, 1024, 6, 306_601_984, 44_064_768),
        ("base", "Base", 12, 768, 2048, 12, 592_043_520, 198_237_696),
        ("xxl", "XXL", 24, 4096, 10240, 64, 12_972_531_712, 10_872_233_984),
    )
    for repo, name, layers, width, ff, heads, total, rest in rows:
        yield Checkpoint(
            repo=f"google/umt5-{repo}", revision=None, name=f"umT5-{name}", family="umT5",
            model_type="umt5", architecture="UMT5ForConditionalGeneration", layers=layers,
            decoder_layers=layers, d_model=width, d_ff=ff, heads=heads, vocabulary=256384,
            positions=None, tied=False, params_total=total, params_nonembedding=rest,
            encoder_nonembedding=_encoder(
                layers=layers, width=width, heads=heads, feed_forward=ff, biases=layers
            ),
            config=_t5_config(256384, layers, width, ff, heads),
            note="the repository has no safetensors: give a revision that has, or a converted copy; "
            + _TIES,
        )  # fmt: skip


def _t5_config(
    vocabulary: int, layers: int, width: int, forward: int, heads: int
) -> dict[str, int | str]:
    return {
        "vocab_size": vocabulary, "d_model": width, "d_kv": 64, "d_ff": forward, "num_layers": layers,
        "num_decoder_layers": layers, "num_heads": heads, "feed_forward_proj": "gated-gelu",
        "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0,
    }  # fmt: skip


def _encoder(*, layers: int, width: int, heads: int, feed_forward: int, biases: int) -> int:
    """Parameters of a gated T5 encoder without its token table.

    A block has four projections between the width and heads of 64, three feed-forward matrices and two
    norms without bias; ``biases`` of them have 32 relative position buckets a head. A norm ends it all.
    """
    block = 4 * width * 64 * heads + 3 * width * feed_forward + 2 * width
    return layers * block + biases * 32 * heads + width
