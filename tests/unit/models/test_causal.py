"""Heads on causal models and on those that see both sides, from tiny random configurations."""

import numpy as np
import pytest
import torch
import transformers

from xlgap.errors import TrainingError
from xlgap.evaluation.predict import Predictor, embed
from xlgap.models.causal import is_causal, whole, word_ends
from xlgap.models.collate import collate
from xlgap.models.encode import Window, encode
from xlgap.models.network import Network, _encoder, _from_config, make_head
from xlgap.tasks.base import Choose, Classify, Span, Tag

_SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
_IDS = {"bos_token_id": 0, "cls_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "sep_token_id": 2}
_GLM = {"d_model": 16, "num_layers": 2, "attention_heads": 2, "ffn_dim": 16}
_T5 = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2}
MODELS = {
    "XLMRoberta": (False, {**_SHAPE, "intermediate_size": 16}),
    "MT5": (False, _T5),
    "ModernBert": (False, {**_SHAPE, **_IDS, "intermediate_size": 16}),
    "EuroBert": (False, {**_SHAPE, **_IDS, "intermediate_size": 16}),
    "Bloom": (True, _SHAPE),
    "XGLM": (True, _GLM),
    "Qwen2": (True, {**_SHAPE, "num_key_value_heads": 2, "intermediate_size": 16}),
}
CAUSAL = [name for name, (causal, _) in MODELS.items() if causal]
WINDOW = Window(max_length=48, stride=4)


def make(name, tokenizer):
    config = getattr(transformers, f"{name}Config")(vocab_size=tokenizer.size, **MODELS[name][1])
    torch.manual_seed(0)
    encoder = _encoder(config, _from_config)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.mul_(3 if weight.ndim == 2 else 1)  # so that attention weighs in a narrow model
    return encoder


def network_for(name, kind, tokenizer):
    encoder = make(name, tokenizer)
    return Network(encoder, make_head(kind, encoder, seed=1)).eval()


def logits(network, kind, rows, tokenizer):
    batch = collate(encode(kind, rows, tokenizer, WINDOW), pad=tokenizer.pad)
    with torch.inference_mode():
        return network.logits(batch)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_behaviour_tells_a_causal_model_and_leaves_no_trace(name, training, tokenizer):
    encoder = make(name, tokenizer).train(training)
    before = torch.get_rng_state()
    assert is_causal(encoder) == MODELS[name][0]
    assert torch.equal(before, torch.get_rng_state())
    assert encoder.training == training
    assert all(p.grad is None for p in encoder.parameters())


def test_a_model_whose_sub_words_see_nothing_else_is_refused(tokenizer):
    encoder = make("XLMRoberta", tokenizer)
    for layer in encoder.encoder.layer:
        torch.nn.init.zeros_(layer.attention.output.dense.weight)
    with pytest.raises(TrainingError, match=r"XLMRobertaModel: .* no head can read a whole text"):
        make_head(Span(), encoder, seed=0)


PAIR = Classify(labels=("a", "b", "c"))
TWO = [{"text": "the cat sat", "text_b": b, "label": "a"} for b in ("on a mat", "in a hat")]
LONG = {"text": "the cat sat on the mat", "text_b": "and the dog ran after 25 birds", "label": "a"}


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_class_scores_follow_from_the_second_sentence(name, padded, tokenizer):
    network = network_for(name, PAIR, tokenizer)
    one, other = (logits(network, PAIR, [row, *[LONG] * padded], tokenizer)[0] for row in TWO)
    assert not torch.allclose(one, other, atol=1e-4)
    torch.testing.assert_close(one, logits(network, PAIR, TWO[:1], tokenizer)[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", MODELS)
def test_the_score_of_a_choice_follows_from_the_choice(name, tokenizer):
    kind = Choose(choices=2)
    network = network_for(name, kind, tokenizer)
    row = {"text": "the cat", "choices": ["sat on", "ran after 25 birds"], "label": 0}
    short, long = logits(network, kind, [row], tokenizer)[0]
    assert abs(short - long) > 1e-4
    twice = logits(network, kind, [{**row, "choices": ["sat on"] * 2}], tokenizer)[0]
    assert float(short) == pytest.approx(float(twice[0]), abs=1e-5)


@pytest.mark.parametrize("mask", [[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1]])
def test_padding_is_not_read_on_either_side(mask):
    hidden = torch.arange(8.0).view(1, 4, 2)
    last = max(i for i, value in enumerate(mask) if value)
    read = whole(hidden, {"attention_mask": torch.tensor([mask])}, causal=True)
    assert read.tolist() == [[2.0 * last, 2.0 * last + 1]]


def test_a_left_padded_pair_scores_as_it_does_alone(tokenizer):
    """BLOOM counts positions from the mask, so that the whole network can be compared."""
    network = network_for("Bloom", PAIR, tokenizer)
    batch = collate(encode(PAIR, TWO, tokenizer, WINDOW), pad=tokenizer.pad)
    left = {
        "input_ids": torch.nn.functional.pad(batch["input_ids"], (3, 0), value=tokenizer.pad),
        "attention_mask": torch.nn.functional.pad(batch["attention_mask"], (3, 0)),
    }
    with torch.inference_mode():
        torch.testing.assert_close(network.logits(left), network.logits(batch), atol=1e-5, rtol=0)


WORDS = ["the", "cats", "ran", "after", "1999"]
TAGS = Tag(tags=("O", "X"), bio=False)


def tag_row(tokens):
    return {"tokens": tokens, "tags": ["O"] * len(tokens)}


def test_words_end_before_the_next_word_and_before_the_closing_token(tokenizer):
    examples = encode(TAGS, [tag_row(WORDS), tag_row(["1999", "cats"])], tokenizer, WINDOW)
    ends = word_ends(collate(examples, pad=tokenizer.pad))
    for example, ends_L in zip(examples, ends.tolist(), strict=True):
        (begins,) = np.nonzero(example.marks >= 0)
        assert [ends_L[b] for b in begins] == [*(begins[1:] - 1), len(example.marks) - 2]
    assert max(len(e.marks) - 2 - e.marks.max() for e in examples) > 1  # words of several sub-words
    assert ends.min() >= 0


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_the_tag_of_a_word_follows_from_its_last_sub_word(name, padded, tokenizer):
    network = network_for(name, TAGS, tokenizer)

    def scores(tokens, word):
        rows = [tag_row(tokens), *[tag_row(WORDS * 2)] * padded]
        (begin,) = np.flatnonzero(encode(TAGS, rows, tokenizer, WINDOW)[0].marks == word)
        return logits(network, TAGS, rows, tokenizer)[0, begin]

    here = scores(["the", "1999", "cats"], 1)
    assert not torch.allclose(here, scores(["the", "1998", "cats"], 1), atol=1e-4)
    right = scores(["the", "1999", "dogs"], 1)
    assert torch.allclose(here, right, atol=1e-6) == MODELS[name][0]


@pytest.mark.parametrize("name", MODELS)
def test_the_score_of_every_answer_follows_from_the_question(name, tokenizer):
    network = network_for(name, Span(), tokenizer)
    row = {"context": "the cat sat on the mat", "answers": {"text": [], "answer_start": []}}
    rows = [{**row, "question": question} for question in ("in 1998?", "in 1999?")]
    (example, _) = encode(Span(), rows, tokenizer, WINDOW)
    one, other = logits(network, Span(), rows, tokenizer)
    inside = example.marks[:, 0] >= 0
    assert ((one - other).abs()[inside].amax(1) > 1e-5).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_vector_of_one_sub_word_follows_from_the_last_word(name, tokenizer):
    network = Network(make(name, tokenizer), None).eval()
    how = Predictor(tokenizer=tokenizer, window=WINDOW, token_budget=256, layer=2, pooling="cls")
    rows = [{"text": text} for text in ("the cat sat", "the cat ran", "the cat sat on the mat in 1999")]
    with torch.inference_mode():
        one, other, _ = embed(network, rows, how)
        alone = embed(network, rows[:1], how)[0]
    assert np.abs(one - other).max() > 1e-4
    np.testing.assert_allclose(one, alone, atol=1e-5)
