"""A small network learns which questions have no answer, encoder or decoder."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xlgap.evaluation.predict import Predictor, predict
from xlgap.models.collate import collate
from xlgap.models.encode import Window, encode
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, scratch_encoder
from xlgap.models.task_heads import SpanHead
from xlgap.models.tokenizer import load_tokenizer, train_tokenizer
from xlgap.tasks.base import Span

WORDS = [f"w{letter}" for letter in "abcdefghijklmnopqrst"]
WINDOW = Window(max_length=48, stride=8)


def make_row(generator: random.Random, number: int) -> dict[str, Any]:
    """Five words and one that is asked for, which is among them half of the time."""
    found = generator.sample(WORDS, 5)
    others = [word for word in WORDS if word not in found]
    question = generator.choice(found if number % 2 else others)
    context = " ".join(found)
    places = [context.index(question)] if number % 2 else []
    answers = {"text": [question] * len(places), "answer_start": places}
    return {"id": str(number), "context": context, "question": question, "answers": answers}


def encoder(causal: bool, size: int) -> torch.nn.Module:
    if causal:
        from transformers import GPT2Config, GPT2Model

        torch.manual_seed(0)
        return GPT2Model(
            GPT2Config(vocab_size=size, n_positions=64, n_embd=48, n_layer=2, n_head=4, resid_pdrop=0.0)
        )
    config = scratch_config(layers=2, width=48, heads=4, feed_forward=96, vocabulary=size, positions=64)
    return scratch_encoder(config, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("causal", [False, True], ids=["encoder", "decoder"])
def test_a_network_learns_which_questions_have_no_answer(causal: bool, tmp_path: Path) -> None:
    generator = random.Random(0)
    rows = [make_row(generator, number) for number in range(1700)]
    train, test = rows[:1500], rows[1500:]
    path = tmp_path / "tokenizer.json"
    train_tokenizer([" ".join(WORDS)] * 50, path, vocabulary=28)
    tokenizer, kind = load_tokenizer(path), Span(unanswerable=True)
    torch.manual_seed(0)
    network = Network(encoder(causal, tokenizer.size), SpanHead(48, 0.0, causal=causal))
    examples = encode(kind, train, tokenizer, WINDOW)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    draws = np.random.default_rng(0)
    network.train()
    for _ in range(900):
        batch = collate(
            [examples[i] for i in draws.integers(len(examples), size=32)], pad=tokenizer.pad
        )
        loss = network(batch, 1 / 32)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    how = Predictor(tokenizer=tokenizer, window=WINDOW, token_budget=4096)
    right = {True: 0, False: 0}
    for row, found in zip(test, predict(network, kind, test, how), strict=True):
        right[bool(row["answers"]["text"])] += found["text"] == "".join(row["answers"]["text"])
    # of 100 each; a guess among the words is right 20 times, processors round their way to 82 or more
    assert min(right.values()) > 75, right
    assert all(found["text"] for found in predict(network, Span(), test, how))
