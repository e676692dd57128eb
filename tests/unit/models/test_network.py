import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from xlgap.errors import DataError
from xlgap.models.collate import collate
from xlgap.models.encode import Window, encode
from xlgap.models.ladder import scratch_config
from xlgap.models.masked import MaskedHead
from xlgap.models.network import (
    Network,
    hub_encoder,
    load_encoder,
    make_head,
    save_encoder,
    scratch_encoder,
)
from xlgap.tasks.base import Choose, Classify, Retrieve, Span, Tag

KINDS = {
    "classify": (
        Classify(labels=("a", "b", "c")),
        [
            {"text": "the cat", "text_b": "sat", "label": "b"},
            {"text": "a", "text_b": "b", "label": "a"},
        ],
    ),
    "choose": (
        Choose(choices=2),
        [{"text": "the cat", "choices": ["sat", "ran away"], "label": 1}],
    ),
    "tag": (
        Tag(tags=("O", "X"), bio=False),
        [{"tokens": ["the", "cat"], "tags": ["O", "X"]}, {"tokens": ["dog"], "tags": ["X"]}],
    ),
    "span": (
        Span(),
        [
            {
                "context": "the cat sat on the mat",
                "question": "where?",
                "answers": {"text": ["mat"], "answer_start": [19]},
            }
        ],
    ),
}


@pytest.fixture
def encoder(tokenizer):
    config = scratch_config(
        layers=2, width=16, heads=2, feed_forward=32, vocabulary=tokenizer.size, positions=64
    )
    zero = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return scratch_encoder({**config, **zero}, seed=1)


@pytest.mark.parametrize("name", KINDS)
def test_every_head_gives_a_loss_and_a_gradient(name, encoder, tokenizer):
    kind, rows = KINDS[name]
    network = Network(encoder, make_head(kind, encoder, seed=2))
    batch = collate(encode(kind, rows, tokenizer, Window(max_length=40, stride=4)), pad=tokenizer.pad)
    loss = network(batch, 1.0)
    assert torch.isfinite(loss)
    loss.backward()
    assert all(p.grad is not None for p in network.head.parameters())
    assert float(network(batch, 0.5)) == pytest.approx(float(loss) / 2)


@pytest.mark.parametrize("name", KINDS)
def test_padding_changes_no_loss(name, encoder, tokenizer):
    kind, rows = KINDS[name]
    network = Network(encoder, make_head(kind, encoder, seed=2))
    examples = encode(kind, rows, tokenizer, Window(max_length=40, stride=4))
    together = float(network(collate(examples, pad=tokenizer.pad), 1.0))
    alone = sum(float(network(collate([e], pad=tokenizer.pad), 1.0)) for e in examples)
    assert together == pytest.approx(alone, rel=1e-5)


def test_retrieval_has_no_head(encoder):
    assert make_head(Retrieve(), encoder, seed=0) is None


def test_the_masked_head_scores_masked_positions_alone(encoder, tokenizer):
    network = Network(encoder, MaskedHead(16, tokenizer.size))
    ids = torch.tensor([[0, 7, tokenizer.mask, 2]])
    labels = torch.tensor([[-100, -100, 9, -100]])
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    loss = network(batch, 1.0)
    assert float(loss) > 0
    loss.backward()
    assert encoder.get_input_embeddings().weight.grad is not None


def test_weights_come_back_as_they_were_saved_in_equal_bytes(encoder, tmp_path):
    for name in "ab":
        save_encoder(encoder, tmp_path / name, {"digest": "x"})
    for file in ("model.safetensors", "config.json", "facts.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    back = load_encoder(tmp_path / "a").state_dict()
    assert all(torch.equal(v, back[k]) for k, v in encoder.state_dict().items())


_SHAPE = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
_MT5 = {"vocab_size": 50, "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2}
_XGLM = {"vocab_size": 50, "d_model": 16, "num_layers": 2, "attention_heads": 2, "ffn_dim": 16}
_IDS = {"bos_token_id": 0, "cls_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "sep_token_id": 2}
CHECKPOINTS = {
    "MT5ForConditionalGeneration": ("MT5Config", _MT5),
    "XLMRobertaForMaskedLM": ("XLMRobertaConfig", {**_SHAPE, "intermediate_size": 16}),
    "XLMRobertaXLForMaskedLM": ("XLMRobertaXLConfig", {**_SHAPE, "intermediate_size": 16}),
    "BloomForCausalLM": ("BloomConfig", _SHAPE),
    "XGLMForCausalLM": ("XGLMConfig", {**_XGLM, "max_position_embeddings": 64}),
    "ModernBertForMaskedLM": ("ModernBertConfig", {**_SHAPE, **_IDS, "intermediate_size": 16}),
    "EuroBertForMaskedLM": ("EuroBertConfig", {**_SHAPE, **_IDS, "intermediate_size": 16}),
}


def hub_directory(name, path, *, dtype=torch.float32):
    """A checkpoint with random weights, as its maker would publish it."""
    config, fields = CHECKPOINTS[name]
    torch.manual_seed(3)
    model = getattr(transformers, name)(getattr(transformers, config)(**fields))
    model.to(dtype).save_pretrained(path)
    return str(path)


def hidden(encoder):
    ids = torch.tensor([[0, 7, 9, 11, 2], [0, 8, 2, 1, 1]])
    with torch.no_grad():
        return Network(encoder, None).eval().hidden({"input_ids": ids, "attention_mask": ids.ne(1)})


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_an_encoder_of_the_hub_comes_back_as_it_was_saved(name, tmp_path):
    encoder = hub_encoder(hub_directory(name, tmp_path / "hub"), None)
    save_encoder(encoder, tmp_path / "saved", {})
    before = torch.get_rng_state()
    back = load_encoder(tmp_path / "saved")
    assert torch.equal(before, torch.get_rng_state())
    assert type(back) is type(encoder)
    assert torch.equal(hidden(back), hidden(encoder))
    assert not [name for name in back.state_dict() if "pooler" in name]


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_in_half_precision_is_read_as_fp32(name, tmp_path):
    encoder = hub_encoder(hub_directory(name, tmp_path, dtype=torch.bfloat16), None)
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}


@pytest.mark.parametrize("damage", ["lack", "add"])
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_saved_weights_of_another_shape_are_refused(name, damage, tmp_path):
    save_encoder(hub_encoder(hub_directory(name, tmp_path / "hub"), None), tmp_path / "saved", {})
    change_tensors(tmp_path / "saved", damage)
    with pytest.raises(DataError, match=r"weights do not fit config\.json"):
        load_encoder(tmp_path / "saved")


def change_tensors(folder, damage):
    """Take a tensor of the last block away, or add one."""
    state = load_file(folder / "model.safetensors")
    name = next(name for name in sorted(state) if ".1." in name)
    tensor = state.pop(name) if damage == "lack" else state[name].clone()
    state |= {} if damage == "lack" else {f"{name}_more": tensor}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_that_lacks_a_weight_is_refused(name, tmp_path):
    repo = hub_directory(name, tmp_path)
    change_tensors(tmp_path, "lack")
    with pytest.raises(DataError, match=r"cannot be loaded: 1 of its tensors are missing, .* name a"):
        hub_encoder(repo, None)


def test_the_seed_decides_the_weights_and_leaves_the_global_generator_alone(tokenizer):
    config = scratch_config(
        layers=1, width=8, heads=2, feed_forward=8, vocabulary=tokenizer.size, positions=8
    )
    before = torch.get_rng_state()
    one, two, other = (scratch_encoder(config, seed=s).state_dict() for s in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(one[name], two[name])
    assert not torch.equal(one[name], other[name])


def test_missing_and_damaged_weights_are_named(encoder, tmp_path):
    with pytest.raises(DataError, match=r"no model\.safetensors there"):
        load_encoder(tmp_path)
    save_encoder(encoder, tmp_path / "m", {})
    path = tmp_path / "m" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"model\.safetensors: damaged weights .* remove .*m and run"):
        load_encoder(tmp_path / "m")
