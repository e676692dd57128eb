"""Linear probes on frozen states, and the masked loss of a head that is kept."""

import copy

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from xlgap.evaluation.predict import Predictor, predict
from xlgap.models.collate import collate
from xlgap.models.encode import Window, encode
from xlgap.models.ladder import scratch_config
from xlgap.models.masked import MaskedHead
from xlgap.models.network import Network, save_state, scratch_encoder, untrained_encoder
from xlgap.tasks.base import Choose, Classify, Span, Tag
from xlgap.training.data import MaskedText, encode_lines
from xlgap.training.masked import KeptHead
from xlgap.training.probe import fit_probe

WORDS = ("cat", "dog", "mat", "birds", "home", "away")
KIND = Classify(labels=("cats", "dogs", "others"), pair=False)
WINDOW = Window(max_length=32, stride=8)


def _classified(count):
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        label = KIND.labels[number % 3]
        first = {"cats": "cat", "dogs": "dog", "others": "mat"}[label]
        said = " ".join(rng.choice(WORDS[3:], 3))
        rows.append({"id": str(number), "group": "", "text": f"The {first} {said}", "label": label})
    return rows


@pytest.fixture
def encoder(tokenizer):
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=32, vocabulary=tokenizer.size, positions=64
    )
    zero = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return scratch_encoder({**config, **zero}, seed=1)


def _probe(encoder, tokenizer, kind, rows, budget=400):
    examples = encode(kind, rows, tokenizer, WINDOW)
    return fit_probe(encoder, kind, examples, pad=tokenizer.pad, token_budget=budget)


def test_a_probe_is_logistic_regression_on_frozen_states(encoder, tokenizer):
    rows = _classified(90)
    before = copy.deepcopy(encoder.state_dict())
    network = _probe(encoder, tokenizer, KIND, rows)
    examples = encode(KIND, rows, tokenizer, WINDOW)
    with torch.no_grad():
        states = np.concatenate(
            [network.hidden(collate([e], pad=tokenizer.pad))[:, 0].double() for e in examples]
        )
    labels = [KIND.labels.index(row["label"]) for row in rows]
    wanted = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(states, labels)
    found = network.head.out
    shift = found.bias.detach().numpy() - wanted.intercept_  # biases are free up to a constant
    np.testing.assert_allclose(found.weight.detach().numpy(), wanted.coef_, atol=2e-3)
    np.testing.assert_allclose(shift, shift.mean(), atol=5e-3)
    after = encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_it_predicts_as_any_network_and_knows_what_it_was_fitted_to(encoder, tokenizer):
    rows = _classified(90)
    how = Predictor(tokenizer=tokenizer, window=WINDOW, token_budget=400)
    found = predict(_probe(encoder, tokenizer, KIND, rows), KIND, rows, how)
    right = [row["label"] == guess["label"] for row, guess in zip(rows, found, strict=True)]
    assert np.mean(right) > 0.7  # a third by chance


def test_how_examples_are_batched_does_not_matter(encoder, tokenizer):
    rows = _classified(30)
    one, other = (_probe(encoder, tokenizer, KIND, rows, budget) for budget in (20, 4000))
    torch.testing.assert_close(one.head.out.weight, other.head.out.weight, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (
            Choose(choices=2),
            [
                {"text": f"The {a}", "choices": [b, a] if n % 2 else [a, b], "label": n % 2}
                for n, (a, b) in enumerate([("cat", "mat"), ("dog", "home"), ("birds", "away")] * 8)
            ],
        ),
        (
            Tag(tags=("O", "X"), bio=False),
            [{"tokens": ["the", word, "sat"], "tags": ["O", "X", "O"]} for word in WORDS],
        ),
        (
            Span(),
            [
                {
                    "context": f"the cat {word} home",
                    "question": "what?",
                    "answers": {"text": [word], "answer_start": [8]},
                }
                for word in WORDS
            ],
        ),
    ],
    ids=["choose", "tag", "span"],
)
def test_every_kind_with_a_head_can_be_probed(kind, rows, encoder, tokenizer):
    network = _probe(encoder, tokenizer, kind, rows)
    examples = encode(kind, rows, tokenizer, WINDOW)
    batch = collate(examples, pad=tokenizer.pad)
    with torch.no_grad():
        fitted = float(network(batch, 1.0))
        for parameter in network.head.parameters():
            parameter.zero_()
        blank = float(network(batch, 1.0))
    assert fitted < 0.9 * blank


def test_an_untrained_encoder_has_the_shape_and_other_weights(encoder):
    one, two = (untrained_encoder(encoder, seed=seed) for seed in (7, 7))
    shapes = {name: tensor.shape for name, tensor in encoder.state_dict().items()}
    assert {name: tensor.shape for name, tensor in one.state_dict().items()} == shapes
    word = one.get_input_embeddings().weight
    assert torch.equal(word, two.get_input_embeddings().weight)
    assert not torch.equal(word, encoder.get_input_embeddings().weight)


@pytest.fixture
def masked(encoder, tokenizer, tmp_path):
    """A head of masked language modelling as it was saved, and held-out text."""
    torch.manual_seed(3)
    head = MaskedHead(16, tokenizer.size)
    save_state(head.state_dict(), tmp_path / "head.safetensors")
    lines = encode_lines(["the cat sat", "the dog ran home", "birds"], tokenizer, length=32)
    text = MaskedText(lines, tokenizer, fraction=0.3, seed=5)
    return KeptHead.load(tmp_path / "head.safetensors", encoder), head, text


def test_the_masked_loss_is_that_of_training_line_by_line(masked, encoder):
    kept, head, text = masked
    batch = text.batch(np.arange(3), step=0)
    losses = kept.losses(encoder, text, token_budget=1000)
    assert float(losses[:, 0].sum()) == pytest.approx(
        Network(encoder, head)(batch, 1.0).item(), rel=1e-5
    )
    assert int(losses[:, 1].sum()) == text.supervised(np.arange(3))
    np.testing.assert_allclose(kept.losses(encoder, text, token_budget=1), losses, rtol=1e-5)


def test_its_output_matrix_stays_when_the_table_of_sub_words_moves(masked, encoder):
    kept, head, text = masked
    before = kept.losses(encoder, text, token_budget=1000)
    read = set(text.batch(np.arange(3), step=0)["input_ids"].flatten().tolist())
    unread = [i for i in range(text.tokenizer.size) if i not in read]
    with torch.no_grad():
        encoder.get_input_embeddings().weight[unread] *= 3.0
        tied = Network(encoder, head)(text.batch(np.arange(3), step=0), 1.0).item()
    np.testing.assert_allclose(kept.losses(encoder, text, token_budget=1000), before, rtol=1e-6)
    assert tied != pytest.approx(float(before[:, 0].sum()), rel=1e-3)
