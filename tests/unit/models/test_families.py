"""Every head on every architecture that studies take, from tiny configurations."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from families import CAUSAL, CONFIGS, ENCODER_DECODERS, KINDS, make, rows
from torch import Tensor, nn
from transformers import AutoConfig

from xlgap.errors import DataError, TrainingError
from xlgap.evaluation.predict import Predictor, predict
from xlgap.models.causal import is_causal
from xlgap.models.checkpoint_head import hub_masked_head
from xlgap.models.collate import collate
from xlgap.models.encode import Example, Window, encode
from xlgap.models.heads import masked_head
from xlgap.models.network import Network, hub_encoder, load_encoder, make_head, save_encoder
from xlgap.models.packed import packs
from xlgap.models.tokenizer import Tokenizer
from xlgap.tasks.base import Span

WINDOW = Window(max_length=40, stride=12)
HEADED = [name for name in KINDS if name not in ("retrieve", "mine")]
WITHOUT_GRADIENT = {"choose": {"head.out.bias"}}  # one number beside every choice changes none
PACKED = {"XLM-R", "XLM-R XL", "mBERT", "EuroBERT", "Llama", "Qwen2", "Qwen3", "Gemma"}


@cache
def network_of(family: str, kind: str, vocabulary: int) -> Network:
    encoder = make(family, vocabulary)
    network = Network(encoder, make_head(KINDS[kind], encoder, seed=1))
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network.eval()


def padded(examples: list[Example], tokenizer: Tokenizer) -> dict[str, Tensor]:
    batch = collate(examples, pad=tokenizer.pad)
    return {name: tensor for name, tensor in batch.items() if not name.startswith("packed_")}


def read(logits: Tensor, examples: list[Example], kind: str) -> list[Tensor]:
    """Of each example the numbers that a prediction is made of."""
    if kind == "tag":
        return [
            of[: e.length][torch.from_numpy(e.marks >= 0)]
            for of, e in zip(logits, examples, strict=True)
        ]
    if kind == "span":
        return [of[: e.length] for of, e in zip(logits, examples, strict=True)]
    return list(logits.split(len(logits) // len(examples)))


@pytest.mark.parametrize("kind", HEADED)
@pytest.mark.parametrize("family", CONFIGS)
def test_the_loss_is_a_number_and_trains_every_parameter(
    family: str, kind: str, tokenizer: Any
) -> None:
    network = network_of(family, kind, tokenizer.size)
    network.zero_grad()
    loss = network(padded(encode(KINDS[kind], rows(KINDS[kind]), tokenizer, WINDOW), tokenizer), 0.2)
    loss.backward()
    assert torch.isfinite(loss)
    named = dict(network.named_parameters())
    untouched = {name for name, p in named.items() if p.grad is None or not p.grad.any()}
    assert untouched <= WITHOUT_GRADIENT.get(kind, set())
    assert all(torch.isfinite(p.grad).all() for p in named.values() if p.grad is not None)


@pytest.mark.parametrize("kind", HEADED)
@pytest.mark.parametrize("family", CONFIGS)
def test_padding_and_packing_change_nothing_that_is_read(
    family: str, kind: str, tokenizer: Any
) -> None:
    network = network_of(family, kind, tokenizer.size)
    examples = encode(KINDS[kind], rows(KINDS[kind]), tokenizer, WINDOW)
    assert len({e.length for e in examples}) > 2
    assert packs(network.encoder) == (family in PACKED)
    with torch.inference_mode():
        alone = [read(network.logits(padded([e], tokenizer)), [e], kind)[0] for e in examples]
        together = read(network.logits(padded(examples, tokenizer)), examples, kind)
        packed = read(network.logits(collate(examples, pad=tokenizer.pad)), examples, kind)
    torch.testing.assert_close(together, alone, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(packed, alone, atol=2e-5, rtol=1e-4)
    assert max(float((a - alone[0][:1]).abs().max()) for a in alone[1:]) > 1e-3  # not all alike


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", CONFIGS)
def test_every_row_is_predicted_whatever_the_batch(family: str, kind: str, tokenizer: Any) -> None:
    network = network_of(family, kind, tokenizer.size)
    of, found = rows(KINDS[kind]), []
    for budget in (1, 4096):
        how = Predictor(tokenizer=tokenizer, window=WINDOW, token_budget=budget, layer=2, threshold=-9)
        predicted = predict(network, KINDS[kind], of, how)
        found.append([{k: v for k, v in row.items() if k != "score"} for row in predicted])
    assert [row["id"] for row in found[0]] == [row["id"] for row in of]
    assert all(len(row) == 2 for row in found[0])
    assert found[0] == found[1]


@pytest.mark.parametrize("family", CONFIGS)
def test_an_encoder_is_what_it_was_after_it_is_saved(
    family: str, tokenizer: Any, tmp_path: Path
) -> None:
    encoder = make(family, tokenizer.size)
    assert is_causal(encoder) == (family in CAUSAL)
    save_encoder(encoder, tmp_path / "kept", {})
    again = load_encoder(tmp_path / "kept")
    assert type(again) is type(encoder)
    ids = torch.arange(5, 17)[None]
    networks = [Network(of, None).eval() for of in (encoder, again)]
    layers = [of.layers({"input_ids": ids, "attention_mask": ids * 0 + 1}) for of in networks]
    assert len(layers[0]) == encoder.config.num_hidden_layers  # type: ignore[union-attr]
    for one, two in zip(*layers, strict=True):
        assert torch.equal(one, two)


def released(family: str) -> nn.Module:
    """The model that a checkpoint of the family is published as."""
    model_type, fields = CONFIGS[family]
    config = AutoConfig.for_model(model_type, vocab_size=60, **fields)
    classes = {**dict.fromkeys(CAUSAL, "CausalLM"), **dict.fromkeys(ENCODER_DECODERS, "Seq2SeqLM")}
    of: Any = getattr(transformers, f"AutoModelFor{classes.get(family, 'MaskedLM')}")
    model: nn.Module = of.from_config(config).eval()
    return model


def states(encoder: nn.Module) -> Tensor:
    ids = torch.arange(5, 17)[None]
    with torch.inference_mode():
        found: Tensor = encoder.eval()(input_ids=ids, attention_mask=ids * 0 + 1).last_hidden_state
    return found


@pytest.mark.parametrize("family", CONFIGS)
def test_the_encoder_of_a_checkpoint_computes_what_the_checkpoint_does(
    family: str, tmp_path: Path
) -> None:
    model: Any = released(family)
    model.save_pretrained(tmp_path)
    base = model.get_encoder() if family in ENCODER_DECODERS else model.base_model
    torch.testing.assert_close(states(hub_encoder(str(tmp_path), None)), states(base))


def test_of_a_model_of_pictures_and_text_the_text_is_read(tmp_path: Path) -> None:
    pictures = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
        "image_size": 16, "patch_size": 8,
    }  # fmt: skip
    text = {"model_type": "gemma3_text", "vocab_size": 60, **CONFIGS["Gemma 3"][1]}
    config = AutoConfig.for_model("gemma3", text_config=text, vision_config=pictures)
    model = transformers.Gemma3ForConditionalGeneration(config).eval()
    model.save_pretrained(tmp_path / "hub")
    encoder = hub_encoder(str(tmp_path / "hub"), None)
    assert encoder.config.num_hidden_layers == 2  # type: ignore[union-attr]
    torch.testing.assert_close(states(encoder), states(model.model.language_model))
    save_encoder(encoder, tmp_path / "kept", {})
    torch.testing.assert_close(states(load_encoder(tmp_path / "kept")), states(encoder))


MASKED = [name for name in CONFIGS if name not in (*CAUSAL, "RemBERT")]


@pytest.mark.parametrize("family", MASKED)
def test_masked_sub_words_are_learned(family: str, tokenizer: Any) -> None:
    encoder = make(family, tokenizer.size)
    network = Network(encoder, masked_head(encoder, seed=0))
    batch = padded(encode(Span(), rows(Span()), tokenizer, WINDOW), tokenizer)
    labels = torch.full_like(batch["input_ids"], -100)
    labels[:, 1] = batch["input_ids"][:, 1]
    loss = network({**batch, "labels": labels}, 1.0)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


@pytest.mark.parametrize(
    ("family", "why"),
    [*((name, "is a causal model") for name in CAUSAL), ("RemBERT", "have 16 numbers")],
)
def test_masked_sub_words_are_refused_where_nothing_can_learn_them(
    family: str, why: str, tokenizer: Any
) -> None:
    with pytest.raises(TrainingError, match=why):
        masked_head(make(family, tokenizer.size), seed=0)


@pytest.mark.parametrize("family", CAUSAL)
def test_that_there_is_no_answer_is_read_behind_question_and_context(
    family: str, tokenizer: Any
) -> None:
    network = network_of(family, "span", tokenizer.size)
    row = {"context": "the cat sat on the mat", "answers": {"text": [], "answer_start": []}}
    pairs = [{**row, "question": "in 1999?"}, {**row, "question": "in 1998?"}]
    pairs.append({**pairs[0], "context": "the cat sat on the dog"})
    examples = encode(Span(), pairs, tokenizer, WINDOW)
    with torch.inference_mode():
        none = np.array([network.logits(padded([e], tokenizer))[0, 0].tolist() for e in examples])
    assert np.abs(none[1:] - none[0]).min() > 1e-5


OWN_MASKED_HEAD = {"XLM-R", "XLM-R XL", "mBERT", "mmBERT", "mDeBERTa"}


@pytest.mark.parametrize("family", [f for f in CONFIGS if f not in (*CAUSAL, *ENCODER_DECODERS)])
def test_masked_sub_words_go_on_with_the_head_of_a_checkpoint(family: str, tmp_path: Path) -> None:
    released(family).save_pretrained(tmp_path)  # type: ignore[operator]
    if family in OWN_MASKED_HEAD:
        assert hub_masked_head(str(tmp_path), None)
    else:
        with pytest.raises(DataError, match="has one of a form that is not known here"):
            hub_masked_head(str(tmp_path), None)


def test_the_table_of_the_documentation_is_what_is_tested(request: pytest.FixtureRequest) -> None:
    text = (request.config.rootpath / "docs" / "models.md").read_text(encoding="utf8")
    table = [line.split("|")[2:-1] for line in text.splitlines() if line.startswith("|")][2:]
    assert [[cell.strip() for cell in row] for row in table] == [
        [
            "`gemma3_text`, `gemma3`" if model_type == "gemma3_text" else f"`{model_type}`",
            "its left" if family in CAUSAL else "all",
            ", ".join(HEADED),
            ", ".join(name for name in KINDS if name not in HEADED),
            "its own head" if family in OWN_MASKED_HEAD else "no",
            "yes" if family in PACKED else "no",
        ]
        for family, (model_type, _) in CONFIGS.items()
    ]
