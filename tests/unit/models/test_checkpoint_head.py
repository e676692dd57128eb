"""The masked head of checkpoints, from directories of the hub's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models

from xlgap import layout
from xlgap.config import Params, check
from xlgap.errors import DataError, ResultError
from xlgap.graph import graph_mapping
from xlgap.models.checkpoint_head import hub_masked_head
from xlgap.models.masked import MaskedHead
from xlgap.models.network import MASKED_HEAD, load_state
from xlgap.stages.fit import _text_head
from xlgap.stages.pretrain import pretrain
from xlgap.stages.start import POINTER
from xlgap.stages.study import Study

SHAPE = {
    "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 16, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
    "cls_token_id": 0, "sep_token_id": 2,
}  # fmt: skip
T5 = {"vocab_size": 50, "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}


def saved(path: Path, name: str, **changes: Any) -> Any:
    """A model with random weights, norms and biases among them, saved as its maker would."""
    kind = name.split("For")[0].removesuffix("Model")
    config = getattr(transformers, f"{kind}Config")(
        **({**T5} if kind == "MT5" else {**SHAPE, **changes})
    )
    torch.manual_seed(3)
    model = getattr(transformers, name)(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    model.save_pretrained(path)
    return model.eval()


@pytest.mark.parametrize(
    "name",
    ["XLMRobertaForMaskedLM", "XLMRobertaXLForMaskedLM", "BertForMaskedLM", "ModernBertForMaskedLM"],
)
def test_the_head_of_a_checkpoint_computes_what_it_did_there(tmp_path: Path, name: str) -> None:
    model = saved(tmp_path, name)
    head = MaskedHead(16, 50)
    head.load_state_dict(hub_masked_head(str(tmp_path), None))
    ids = torch.tensor([[0, 7, 9, 11, 2]])
    with torch.no_grad():
        hidden = model.base_model(input_ids=ids).last_hidden_state
        found, _ = head.scores(hidden, {"labels": ids}, model.get_input_embeddings().weight)
        wanted = model(input_ids=ids).logits[0]
    assert torch.allclose(found, wanted, atol=1e-2)
    assert wanted.std() > 1


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("XLMRobertaModel", {}, "that training can go on with: it lacks lm_head"),
        ("MT5ForConditionalGeneration", {}, "can go on with: "),
        ("EuroBertForMaskedLM", {}, "EuroBertForMaskedLM has one of a form that is not known here"),
        ("BertForMaskedLM", {"hidden_act": "relu"}, "BertForMaskedLM has one of a form that is not"),
    ],
)
def test_without_a_head_that_training_can_go_on_with_it_says_so(
    tmp_path: Path, name: str, changes: dict[str, Any], said: str
) -> None:
    saved(tmp_path, name, **changes)
    with pytest.raises(DataError) as error:
        hub_masked_head(str(tmp_path), None)
    assert said in str(error.value)
    assert str(error.value).endswith("or leave the arms with 'mlm_rate' out of its study.")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint with its tokenizer."""
    special = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    words = {word: number for number, word in enumerate(("<s>", *special.values(), "the", "cat"))}
    fast = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokens = transformers.PreTrainedTokenizerFast(tokenizer_object=fast, **special)
    tokens.save_pretrained(tmp_path / "model")
    saved(tmp_path / "model", "XLMRobertaForMaskedLM")
    return tmp_path / "model"


@pytest.mark.parametrize("mixed", [True, False])
def test_the_stage_of_a_checkpoint_fetches_the_head_where_an_arm_goes_on_with_it(
    raw_study: Any, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mixed: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    arms = {"d": {"regime": "direct_en"}}
    if mixed:
        arms["m"] = {"regime": "intermediate_en_mlm", "intermediate": ["lab_order"], "mlm_rate": 0.2}
    params: Params = check(
        raw_study(
            arms=arms, models={"x": {"hub": str(checkpoint)}}, tasks={"lab_nli": {}},
            intermediate={"lab_order": {}},
        ),
        Path("params.yaml"),
    )  # fmt: skip
    entry = graph_mapping(params, root=".")["graph"]["pretrain"]["x"]["entry"]
    assert entry == {"hub": str(checkpoint), **({"masked_head": True} if mixed else {})}
    pretrain(Study(params), "x")
    kept = layout.pretrained("x") / MASKED_HEAD
    assert kept.is_file() is mixed
    if mixed:
        found, wanted = _text_head("x", None), hub_masked_head(str(checkpoint), None)
        assert all(torch.equal(found[name], weight) for name, weight in wanted.items())
        assert load_state(kept).keys() == wanted.keys()
        return
    assert (layout.pretrained("x") / POINTER).is_file()
    with pytest.raises(ResultError, match=r"no such head; run 'dvc repro pretrain@x' to fetch it\."):
        _text_head("x", None)
