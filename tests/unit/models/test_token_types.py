"""Token types reach an encoder that tells them apart, as BERT, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from xlgap.models.collate import collate
from xlgap.models.encode import Window, encode
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, hub_encoder, make_head, scratch_encoder
from xlgap.models.tokenizer import Tokenizer, hub_tokenizer
from xlgap.tasks.base import Candidate, Choose, Classify, Kind, Mine, Rank, Retrieve, Row, Span, Tag
from xlgap.training.data import MaskedText, encode_lines

WORDS = "the cat sat on mat and dog ran after birds in 1999 where did sit run away ? . s ##s ##t"
WINDOW = Window(max_length=48)
SENTENCES = ("the cat sat on the mat", "the dog ran after birds", "birds ran away in 1999 .")
A, B, C = SENTENCES
FACT: Row = {"context": f"{A} . {B}", "answers": {"text": ["dog"], "answer_start": [29]}}
PAIRS: dict[str, tuple[Kind, list[Row], list[tuple[str, ...]]]] = {  # and what its sequences are
    "classify": (
        Classify(labels=("a", "b")),
        [{"text": A, "text_b": B, "label": "a"}, {"text": "cats", "text_b": C, "label": "b"}],
        [(A, B), ("cats", C)],
    ),
    "choose": (
        Choose(choices=2),
        [{"text": A, "choices": [B, "away"], "label": 1}],
        [(A, B), (A, "away")],
    ),
    "span": (Span(), [{"question": "did it run ?", **FACT}], [("did it run ?", FACT["context"])]),
    "candidate": (Candidate(pair=True), [{"candidate": A, "context": B}], [(A, B)]),
    "rank": (
        Rank(pool=("en",), query_length=8, pair=True),
        [{"text": C, "candidate": A, "context": B}],
        [(C,), (A, B)],
    ),
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint with its tokenizer, as from the hub."""
    folder = tmp_path_factory.mktemp("bert")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*special, *WORDS.split()]), encoding="utf8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(vocab_size=40, **sizes, intermediate_size=16, initializer_range=0.5)
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def own(bert: Path) -> Tokenizer:
    return hub_tokenizer(str(bert), None)


def theirs(bert: Path, texts: list[tuple[str, ...]]) -> dict[str, torch.Tensor]:
    """What the library's own tokenizer makes of sentences and pairs."""
    tokenizer = BertTokenizerFast.from_pretrained(bert)
    batch = [tokenizer(*text) for text in texts]
    return dict(tokenizer.pad(batch, return_tensors="pt"))


@pytest.mark.parametrize("name", PAIRS)
def test_states_are_those_of_the_model_called_with_its_own_tokenizers_types(
    name: str, bert: Path, own: Tokenizer
) -> None:
    kind, rows, texts = PAIRS[name]
    batch = collate(encode(kind, rows, own, WINDOW), pad=own.pad)
    expected = theirs(bert, texts)
    assert expected["token_type_ids"].any()
    for key, value in expected.items():
        assert torch.equal(batch[key], value), key
    encoder = hub_encoder(str(bert), None)
    network = Network(encoder, None).eval()
    direct = BertModel.from_pretrained(bert).eval()
    with torch.inference_mode():
        out = direct(**expected, output_hidden_states=True)
        real = batch["attention_mask"].bool()
        for found, wanted in (
            (network.hidden(batch), out.last_hidden_state),
            (network.hidden(batch, layer=1), out.hidden_states[1]),
            (network.layers(batch)[0], out.hidden_states[1]),
        ):
            torch.testing.assert_close(found[real], wanted[real])


@pytest.mark.parametrize("name", [name for name in PAIRS if name != "candidate"])
def test_scores_change_where_types_are_dropped(name: str, bert: Path, own: Tokenizer) -> None:
    kind, rows, _ = PAIRS[name]
    encoder = hub_encoder(str(bert), None)
    network = Network(encoder, make_head(kind, encoder, seed=0)).eval()
    batch = collate(encode(kind, rows, own, WINDOW), pad=own.pad)
    without = {key: value for key, value in batch.items() if key != "token_type_ids"}
    with torch.inference_mode():
        assert not torch.allclose(network.logits(batch), network.logits(without), atol=1e-3)


@pytest.mark.parametrize("kind", [Retrieve(), Mine(), Tag(tags=("O",), bio=False)])
def test_single_texts_carry_none(kind: Kind, own: Tokenizer) -> None:
    row: Row = {"text": A, "tokens": A.split(), "tags": ["O"] * 6}
    (example,) = encode(kind, [row], own, WINDOW)
    assert example.types == ()
    assert "token_type_ids" not in collate([example], pad=own.pad)


@pytest.mark.parametrize("length", [6, 9, 12])
def test_types_are_cut_with_their_sub_words(length: int, bert: Path, own: Tokenizer) -> None:
    rows: list[Row] = [{"text": A, "text_b": f"{B} {C}", "label": "a"}]
    (example,) = encode(Classify(labels=("a",)), rows, own, Window(max_length=length))
    tokenizer: Any = BertTokenizerFast.from_pretrained(bert)
    cut = tokenizer(A, f"{B} {C}", truncation="longest_first", max_length=length)
    assert example.sequences[0].tolist() == cut["input_ids"]
    assert example.types[0].tolist() == cut["token_type_ids"]


def test_every_window_of_a_context_has_its_types(own: Tokenizer) -> None:
    kind, rows, _ = PAIRS["span"]
    examples = encode(kind, rows, own, Window(max_length=12, stride=3))
    assert len(examples) > 2
    for example in examples:
        context = np.flatnonzero(example.marks[:, 0] >= 0)
        assert example.types[0].tolist() == [int(k >= context[0]) for k in range(example.length)]


def test_pairs_of_pretraining_carry_them(own: Tokenizer, bert: Path) -> None:
    lines = encode_lines([f"{A}\t{B}", A], own, length=32)
    text = MaskedText(lines, own, fraction=0.2, seed=0)
    both, single = text.batch(np.array([0, 1]), step=0), text.batch(np.array([1]), step=0)
    expected = theirs(bert, [(A, B), (A,)])
    assert torch.equal(both["token_type_ids"], expected["token_type_ids"])
    assert "token_type_ids" not in single


@pytest.mark.parametrize("name", PAIRS)
def test_an_encoder_with_one_type_is_not_told(name: str, tokenizer: Tokenizer) -> None:
    kind, rows, _ = PAIRS[name]
    config = scratch_config(
        layers=2, width=16, heads=2, feed_forward=16, vocabulary=tokenizer.size, positions=96
    )
    network = Network(scratch_encoder(config, seed=0), None).eval()
    batch = collate(encode(kind, rows, tokenizer, WINDOW), pad=tokenizer.pad)
    assert batch["token_type_ids"].any()
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        direct = network.encoder(**inputs).last_hidden_state
        real = batch["attention_mask"].bool()
        torch.testing.assert_close(network.hidden(batch)[real], direct[real])
