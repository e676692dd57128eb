"""Counts of the catalogue against published ones, without weights.

Origin of the figures: the `params_total` and `params_nonembedding` columns of the published model table
(exact counts from each named configuration; BLOOM-176B and the mT5 totals also stand in their papers:
arXiv:2211.05100, arXiv:2105.13626 Table 1). EuroBERT-610m is in no published table that was seen as an
exact backbone count: its MaskedLM has 755,625,600 parameters, of which the untied output matrix is
128,256 x 1,152.

Of Gemma 1 and 2 the papers print what is not embedding (arXiv:2403.08295 and 2408.00118, Table 2 each).
Totals of Qwen 2.5 0.5B and 3B, Qwen 3 0.6B, 8B and 14B, and of Gemma are those of Keras Hub's presets,
which are of the same weights (keras_hub/src/models/*/*_presets.py, key ``params``). mT0 is mT5,
fine-tuned. What is published in rounded numbers alone is in ``ROUNDED``.
"""

from __future__ import annotations

import pytest

from xlgap.models.catalogue import catalogue, get_checkpoint
from xlgap.models.size import size_of, size_of_checkpoint

PUBLISHED = {  # repository: (total, non-embedding)
    "FacebookAI/xlm-roberta-base": (277453056, 85056000),
    "FacebookAI/xlm-roberta-large": (558840832, 302311424),
    "facebook/xlm-roberta-xl": (3475929600, 2832358400),
    "facebook/xlm-roberta-xxl": (10695954432, 9666240512),
    "google/mt5-small": (300176768, 44062080),
    "google/mt5-base": (582401280, 198229248),
    "google/mt5-large": (1229581312, 717351936),
    "google/mt5-xl": (3742619648, 2718160896),
    "google/mt5-xxl": (12921057280, 10872139776),
    "bigscience/bloom-560m": (559214592, 302313472),
    "bigscience/bloom-1b1": (1065314304, 679962624),
    "bigscience/bloom-1b7": (1722408960, 1208606720),
    "bigscience/bloom-3b": (3002557440, 2360304640),
    "bigscience/bloom-7b1": (7069016064, 6041411584),
    "bigscience/bloom": (176247271424, 172650655744),
    "facebook/xglm-564M": (564463616, 302311424),
    "facebook/xglm-1.7B": (1732907008, 1208602624),
    "facebook/xglm-2.9B": (2941505536, 2417201152),
    "facebook/xglm-4.5B": (4552511488, 4028207104),
    "facebook/xglm-7.5B": (7492771840, 6444163072),
    "jhu-clsp/mmBERT-small": (140493696, 42189696),
    "jhu-clsp/mmBERT-base": (306939648, 110331648),
    "EuroBERT/EuroBERT-210m": (211766016, 113265408),
    "EuroBERT/EuroBERT-610m": (755625600 - 128256 * 1152, 755625600 - 2 * 128256 * 1152),
    "EuroBERT/EuroBERT-2.1B": (2107590912, 1812089088),
    "bigscience/mt0-small": (300176768, 44062080),
    "bigscience/mt0-base": (582401280, 198229248),
    "bigscience/mt0-large": (1229581312, 717351936),
    "bigscience/mt0-xl": (3742619648, 2718160896),
    "bigscience/mt0-xxl": (12921057280, 10872139776),
    "Qwen/Qwen2.5-0.5B": (494032768, None),
    "Qwen/Qwen2.5-3B": (3085938688, None),
    "Qwen/Qwen3-0.6B-Base": (596049920, None),
    "Qwen/Qwen3-8B-Base": (8190735360, None),
    "Qwen/Qwen3-14B-Base": (14768307200, None),
    "google/gemma-2b": (2506172416, 1981884416),
    "google/gemma-7b": (None, 7751248896),
    "google/gemma-2-2b": (2614341888, 2024517888),
    "google/gemma-2-9b": (9241705984, 8324201984),
    "google/gemma-2-27b": (None, 26047480320),
    "google/gemma-3-1b-pt": (999885952, None),
}
ROUNDED = {  # repository: (total, non-embedding) in billions, where it is from
    "google-bert/bert-base-multilingual-cased": (None, 0.0851),  # the blocks of XLM-R base
    "google/rembert": (0.575, None),  # arXiv:2010.12821, Table 4: in fine-tuning
    "microsoft/mdeberta-v3-base": (0.276, 0.086),  # its card: 86M, and 190M of embeddings
    "google/umt5-small": (0.307, None),  # the hub's count of stefan-it/umt5-small
    "google/umt5-base": (None, 0.198),  # mT5-Base, more relative positions
    "google/umt5-xxl": (13.0, 10.87),  # mT5-XXL likewise
    "Qwen/Qwen2.5-1.5B": (1.54, 1.31),  # cards of Qwen
    "Qwen/Qwen2.5-7B": (7.61, 6.53),
    "Qwen/Qwen2.5-14B": (14.7, 13.1),
    "Qwen/Qwen2.5-32B": (32.5, 31.0),
    "Qwen/Qwen2.5-72B": (72.7, 70.0),
    "Qwen/Qwen3-1.7B-Base": (1.72, 1.4),
    "Qwen/Qwen3-4B-Base": (4.0, 3.6),
    "meta-llama/Llama-3.2-1B": (1.23, None),  # cards of Llama
    "meta-llama/Llama-3.2-3B": (3.21, None),
    "meta-llama/Llama-3.1-8B": (8.03, None),
    "meta-llama/Llama-3.1-70B": (70.6, None),
    "meta-llama/Llama-3.1-405B": (405, None),
}


def test_every_checkpoint_has_a_published_count():
    assert {c.repo for c in catalogue()} == PUBLISHED.keys() | ROUNDED.keys()
    assert not PUBLISHED.keys() & ROUNDED.keys()


@pytest.mark.parametrize("checkpoint", catalogue(), ids=lambda of: of.repo)
def test_the_meta_count_is_that_of_the_catalogue_and_the_published_one(checkpoint):
    size = size_of_checkpoint(checkpoint)
    counted = (size.total, size.nonembedding)
    assert (checkpoint.params_total, checkpoint.params_nonembedding) == counted
    for ours, exact in zip(counted, PUBLISHED.get(checkpoint.repo, ()), strict=False):
        assert exact in (None, ours)
    for ours, rounded in zip(counted, ROUNDED.get(checkpoint.repo, ()), strict=False):
        assert rounded is None or ours == pytest.approx(1e9 * rounded, rel=0.015)
    assert size.layers == checkpoint.layers + checkpoint.decoder_layers
    for figure in ("d_model", "d_ff", "heads", "vocabulary", "positions", "tied"):
        assert getattr(size, figure) == getattr(checkpoint, figure), figure
    assert sum(size.per_component.values()) == size.total


@pytest.mark.parametrize("repo", [c.repo for c in catalogue() if c.decoder_layers])
def test_the_encoder_alone(repo):
    from transformers import AutoConfig

    checkpoint = get_checkpoint(repo)
    config = AutoConfig.for_model(checkpoint.model_type, **checkpoint.config)
    encoder = size_of(config, architecture=f"{checkpoint.model_type.upper()}EncoderModel")
    assert encoder.nonembedding == checkpoint.encoder_nonembedding


def test_only_encoder_decoders_have_an_encoder_count():
    for checkpoint in catalogue():
        assert (checkpoint.encoder_nonembedding is None) == (checkpoint.decoder_layers == 0)
