"""The dual encoder: its sequences, its loss, and that it learns."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers

from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import Predictor, embed_pool, predict
from xlgap.models.collate import collate
from xlgap.models.encode import Window, encode, encode_queries
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, _encoder, _from_config, make_head, scratch_encoder
from xlgap.models.rank import RankHead
from xlgap.tasks import get_task
from xlgap.tasks.base import Candidate, Rank
from xlgap.training.data import TaskData
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

PAIR = Rank(pool=("en",), query_length=8, pair=True)
SINGLE = Rank(pool=("en",), query_length=8, pair=False)
ROW = {
    "id": "1",
    "text": "Where did the cat sit?",
    "targets": ["a"],
    "candidate": "The cat sat on the mat.",
    "context": "The cat sat on the mat. The dog ran.",
}


def network(tokenizer, *, dropout=0.0):
    config = scratch_config(
        layers=1, width=32, heads=2, feed_forward=32, vocabulary=tokenizer.size, positions=64
    )
    config |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    encoder = scratch_encoder(config, seed=2)
    return Network(encoder, make_head(SINGLE, encoder, seed=1))


def test_a_row_is_its_query_and_its_candidate_with_the_context(tokenizer):
    (example,) = encode(PAIR, [ROW], tokenizer, Window(max_length=200))
    query, candidate = example.sequences
    assert query.tolist() == [*tokenizer.fast.encode(ROW["text"]).ids[:7], tokenizer.eos]
    assert candidate.tolist() == tokenizer.fast.encode(ROW["candidate"], ROW["context"]).ids
    assert example.labels.size == 0


@pytest.mark.parametrize(("window", "expected"), [(200, 8), (8, 8), (6, 6)])
def test_a_long_query_is_cut_at_its_length_or_at_a_shorter_window(tokenizer, window, expected):
    (example,) = encode_queries(SINGLE, [ROW], tokenizer, Window(max_length=window))
    (ids,) = example.sequences
    whole = tokenizer.fast.encode(ROW["text"]).ids
    assert len(whole) > 8
    assert ids.tolist() == [*whole[: expected - 1], tokenizer.eos]


def test_of_a_candidate_the_longer_side_its_context_is_cut_first(tokenizer):
    sentence = tokenizer.fast.encode(ROW["candidate"], add_special_tokens=False).ids
    window = Window(max_length=2 * len(sentence) + 4)
    (example,) = encode(Candidate(pair=True), [ROW], tokenizer, window)
    (ids,) = example.sequences
    assert len(ids) == window.max_length
    assert ids[1 : 1 + len(sentence)].tolist() == sentence


def test_vectors_have_length_1_and_the_scale_begins_at_100(tokenizer):
    rows = [ROW, ROW | {"text": "dog", "candidate": "13"}]
    batch = collate(encode(SINGLE, rows, tokenizer, Window(max_length=32)), pad=tokenizer.pad)
    made = network(tokenizer).eval()
    assert made.logits(batch).norm(dim=1).tolist() == pytest.approx([1, 1, 1, 1])
    assert made.head.logit_scale.tolist() == [100]


def batch_of(candidates):
    ids = [[7, 7], None] * len(candidates)
    ids[1::2] = [[n, 2] for n in candidates]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.ones(len(ids), 2).long()}


def by_hand(vectors, left_out, scale):
    """The mean over queries, in plain arithmetic, of what the softmax gives the right candidate."""
    total = 0.0
    queries, candidates = vectors[0::2].tolist(), vectors[1::2].tolist()
    for i, query in enumerate(queries):
        similar = [scale * sum(a * b for a, b in zip(query, c, strict=True)) for c in candidates]
        rest = [s for j, s in enumerate(similar) if (i, j) not in left_out]
        total += math.log(sum(math.exp(s) for s in rest)) - similar[i]
    return total


@pytest.mark.parametrize(
    ("candidates", "left_out"),
    [([11, 12, 13], set()), ([11, 12, 11], {(0, 2), (2, 0)}), ([11, 11, 11], {
        (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)
    })],
)  # fmt: skip
def test_the_loss_is_over_all_candidates_but_equals_of_the_right_one(candidates, left_out):
    torch.manual_seed(1)
    vectors = torch.nn.functional.normalize(torch.randn(6, 5), dim=1)
    head = RankHead(causal=False)
    with torch.no_grad():
        head.logit_scale.fill_(3.0)
    expected = by_hand(vectors, left_out, 3.0)
    assert head.loss(vectors, batch_of(candidates)).item() == pytest.approx(expected, rel=1e-5)


def test_the_loss_moves_encoder_and_scale(tokenizer):
    rows = [ROW, ROW | {"text": "dog ran", "candidate": "birds"}]
    batch = collate(encode(SINGLE, rows, tokenizer, Window(max_length=32)), pad=tokenizer.pad)
    made = network(tokenizer).train()
    with torch.no_grad():
        made.head.logit_scale.fill_(1.0)  # 100 may leave no gradient but rounding
    made(batch, 1.0).backward()
    for parameter in (made.head.logit_scale, made.encoder.embeddings.word_embeddings.weight):
        assert float(parameter.grad.abs().sum()) > 0


def test_a_row_alone_has_no_loss_and_no_gradient(tokenizer):
    """What a rank without a share of a micro-batch computes, with weight 0."""
    batch = collate(encode(SINGLE, [ROW], tokenizer, Window(max_length=32)), pad=tokenizer.pad)
    made = network(tokenizer).train()
    loss = made(batch, 0.0)
    loss.backward()
    assert loss.item() == 0
    assert all(not p.grad.any() for p in made.parameters() if p.grad is not None)


@pytest.mark.parametrize("config", ["XLMRoberta", "Bloom", "MT5"])
def test_vectors_know_the_whole_text_and_do_not_see_padding(tokenizer, config):
    """Of an encoder, a decoder and the encoder of an encoder-decoder."""
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    t5 = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2}
    torch.manual_seed(0)
    made = getattr(transformers, f"{config}Config")(
        vocab_size=tokenizer.size, **(t5 if config == "MT5" else shape)
    )
    encoder = _encoder(made, _from_config)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.mul_(3 if weight.ndim == 2 else 1)  # so that attention weighs in a narrow model
    dual = Network(encoder, make_head(SINGLE, encoder, seed=1)).eval()
    texts = ("the cat sat", "the cat ran", "a cat sat", "the cat sat on the mat and the dog ran")
    rows = [{"id": text, "candidate": text} for text in texts]
    how = Predictor(tokenizer=tokenizer, window=Window(max_length=48), token_budget=4096)
    together = embed_pool(dual, SINGLE, rows, how).vectors
    alone = embed_pool(dual, SINGLE, rows, replace(how, token_budget=1)).vectors
    np.testing.assert_allclose(together, alone, atol=1e-5)
    similar = together @ together.T
    assert (similar[np.triu_indices(4, 1)] < 1 - 1e-5).all()


class Silent:
    """Hears of steps and says nothing."""

    def on_start(self, step, *, steps): ...

    def on_step(self, step, *, steps, loss, learning_rate): ...

    def on_saving(self) -> None: ...

    def on_evaluation(self, step, score): ...

    def on_event(self, name, sentence): ...

    def stop_requested(self):
        return False


NAMES = "cat mat dog birds Katze Matte Hund Кошка коврике собака 猫 垫子 鸟 1999 25 13".split()  # noqa: SIM905
TOYS = [
    {"id": str(n), "group": str(n), "text": f"{name} when", "targets": [f"c{n}"], "candidate": text}
    for n, (name, text) in enumerate(
        (name, f"and the {NAMES[n * 5 % len(NAMES)]} {n}") for n, name in enumerate(NAMES)
    )
]


@pytest.mark.usefixtures("one_rank")
def test_a_few_steps_teach_a_toy_set_and_dev_and_pool_agree(tokenizer, tmp_path):
    """From chance to nearly all, by the project's own trainer, with several micro-batches a step."""
    task = get_task("mewslix")
    metric, untrained = get_metric("map20", task), network(tokenizer)
    how = Predictor(tokenizer=tokenizer, window=Window(max_length=32), token_budget=512)
    before = metric.score(task, TOYS, predict(untrained, SINGLE, TOYS, how), "en")
    data = TaskData(encode(SINGLE, TOYS, tokenizer, how.window), tokenizer.pad)
    settings = PhaseSettings(
        steps=80,
        warmup_steps=8,
        batch_rows=16,
        token_budget=8 * max(data.lengths),
        evaluations=0,
        select="last",
        seed=1,
        zero=ZeroPlan(learning_rate=3e-3),
    )
    _, weights = train_phase(
        network(tokenizer), data, settings, evaluate=None, observer=Silent(), scratch=tmp_path
    )
    trained = network(tokenizer)
    trained.load_state_dict(weights)
    found = predict(trained, SINGLE, TOYS, how)
    after = metric.score(task, TOYS, found, "en")
    assert before < 50 < 80 < after
    assert weights["head.logit_scale"].item() != 100

    candidates = [{"id": row["targets"][0], "candidate": row["candidate"]} for row in TOYS]
    pool = embed_pool(trained, SINGLE, candidates, how)
    np.testing.assert_allclose(np.linalg.norm(pool.vectors, axis=1), 1, rtol=1e-5)
    given = Predictor(tokenizer=tokenizer, window=Window(max_length=32), token_budget=512, pool=pool)
    assert predict(trained, SINGLE, TOYS, given) == found
    few = predict(trained, SINGLE, TOYS[:3], given)  # a pool of its own is not made
    assert few == found[:3]
