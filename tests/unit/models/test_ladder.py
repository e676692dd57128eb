from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlgap.errors import ConfigError
from xlgap.models.ladder import embedding_params, mask_id, nonembedding_params, scratch_config


@settings(max_examples=8, deadline=None)
@given(
    layers=st.integers(1, 4),
    heads=st.sampled_from([1, 2, 4]),
    head_width=st.sampled_from([4, 16]),
    feed_forward=st.sampled_from([7, 64]),
    vocabulary=st.integers(6, 50),
    positions=st.integers(1, 40),
)
def test_closed_form_is_the_meta_count(layers, heads, head_width, feed_forward, vocabulary, positions):
    from transformers import XLMRobertaConfig

    from xlgap.models.size import size_of

    shape = {
        "layers": layers, "width": heads * head_width, "heads": heads, "feed_forward": feed_forward,
    }  # fmt: skip
    config = XLMRobertaConfig(**scratch_config(**shape, vocabulary=vocabulary, positions=positions))
    size = size_of(config)
    assert size.nonembedding == nonembedding_params(**shape)
    tables = embedding_params(width=shape["width"], vocabulary=vocabulary, positions=positions)
    assert size.total == size.nonembedding + tables
    assert size.positions == positions


def test_special_tokens_are_those_of_xlm_r():
    config = scratch_config(layers=1, width=8, heads=2, feed_forward=16, vocabulary=100, positions=10)
    ids = (config["bos_token_id"], config["pad_token_id"], config["eos_token_id"])
    assert ids == (0, 1, 2)
    assert mask_id(100) == 99


def test_heads_must_share_the_width():
    with pytest.raises(ConfigError, match=r"width 100 cannot be shared by 3 heads.*99 or 102"):
        nonembedding_params(layers=1, width=100, heads=3, feed_forward=8)
    with pytest.raises(ConfigError, match="for example 4"):
        scratch_config(layers=1, width=2, heads=4, feed_forward=8, vocabulary=10, positions=4)


@pytest.mark.parametrize(("vocabulary", "positions"), [(5, 8), (100, 0)])
def test_too_small_a_table_is_refused(vocabulary, positions):
    with pytest.raises(ConfigError):
        scratch_config(
            layers=1, width=8, heads=2, feed_forward=16, vocabulary=vocabulary, positions=positions
        )
