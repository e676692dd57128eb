"""Counts of the catalogue against published ones, without weights.

Origin of the figures: the `params_total` and `params_nonembedding` columns of the published model table
(exact counts from each named configuration; BLOOM-176B and the mT5 totals also stand in their papers:
arXiv:2211.05100, arXiv:2105.13626 Table 1). EuroBERT-610m is in no published table that was seen as an
exact backbone count: its MaskedLM has 755,625,600 parameters, of which the untied output matrix is
128,256 x 1,152.
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
}


def test_every_checkpoint_has_a_published_count():
    assert {c.repo for c in catalogue()} == set(PUBLISHED)


@pytest.mark.parametrize("repo", PUBLISHED)
def test_meta_count_is_the_published_one(repo):
    checkpoint = get_checkpoint(repo)
    size = size_of_checkpoint(checkpoint)
    assert (size.total, size.nonembedding) == PUBLISHED[repo]
    assert (checkpoint.params_total, checkpoint.params_nonembedding) == PUBLISHED[repo]
    assert size.layers == checkpoint.layers + checkpoint.decoder_layers
    for figure in ("d_model", "d_ff", "heads", "vocabulary", "positions", "tied"):
        assert getattr(size, figure) == getattr(checkpoint, figure), figure
    assert sum(size.per_component.values()) == size.total


@pytest.mark.parametrize("repo", [c.repo for c in catalogue() if c.decoder_layers])
def test_the_encoder_alone(repo):
    from transformers import AutoConfig

    checkpoint = get_checkpoint(repo)
    config = AutoConfig.for_model(checkpoint.model_type, **checkpoint.config)
    encoder = size_of(config, architecture="MT5EncoderModel")
    assert encoder.nonembedding == checkpoint.encoder_nonembedding


def test_only_encoder_decoders_have_an_encoder_count():
    for checkpoint in catalogue():
        assert (checkpoint.encoder_nonembedding is None) == (checkpoint.decoder_layers == 0)
