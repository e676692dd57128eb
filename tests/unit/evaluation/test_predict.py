"""Sentence vectors for retrieval."""

import numpy as np
import pytest
import torch

from xlgap.evaluation.predict import Predictor, embed
from xlgap.models.encode import Window
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, scratch_encoder

SENTENCES = [{"text": text} for text in ("one line", "another line of text", "the third", "text")]


@pytest.mark.parametrize("centred", [True, False])
def test_centred_vectors_do_not_see_what_all_sentences_of_a_side_share(tokenizer, centred):
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=16, vocabulary=tokenizer.size, positions=32
    )
    network = Network(scratch_encoder(config, seed=0), None).eval()
    how = Predictor(
        tokenizer=tokenizer, window=Window(max_length=32), token_budget=256, centred=centred
    )
    with torch.inference_mode():
        plain = embed(network, SENTENCES, how)
        network.encoder.encoder.layer[0].output.LayerNorm.bias += torch.linspace(-3, 5, 16)
        moved = embed(network, SENTENCES, how)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, rtol=1e-5)
    assert np.allclose(plain, moved, atol=1e-4) == centred
