"""A study of a model and of its adapters, through DVC: trained, kept, scored again and tracked."""

import copy
import importlib.util
import json

import pytest
import torch
from checkout import STUDY, Checkout
from families import CONFIGS
from mlflow.tracking import MlflowClient
from safetensors.numpy import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config

pytestmark = pytest.mark.e2e

FEW_BITS = importlib.util.find_spec("bitsandbytes") is not None


def decoder(folder):
    """A checkpoint such as Qwen's: causal, its tokenizer with one special token and no frame."""
    letters = [*pre_tokenizers.ByteLevel.alphabet()]
    vocabulary = {token: n for n, token in enumerate(sorted([*letters, "<|endoftext|>"]))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    end = {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **end).save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = Qwen3Config(**{**CONFIGS["Qwen3"][1], "vocab_size": len(vocabulary)})
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters") / "checkout"
    decoder(folder / "decoder")
    asked = copy.deepcopy(STUDY)
    asked["study"]["name"] = "adapters"
    own = STUDY["models"]["one"]
    asked["models"] = {"one": own, "lora": {**own, "lora": {"rank": 2, "modules": ["query", "value"]}}}
    asked["arms"] = {name: STUDY["arms"][name] for name in ("direct_en", "inter_en")}
    asked["tasks"] = {"lab_nli": STUDY["tasks"]["lab_nli"]}
    asked["evaluation"]["retention"] = {"rows": 6, "probe_rows": 12, "mlm_lines": 6}
    asked["models"]["decoder"] = {"hub": "decoder", "lora": {}}
    if FEW_BITS:
        asked["models"]["few"] = {"hub": "decoder", "lora": {"rank": 2, "bits": 4}}
    made = Checkout.make(folder, asked)
    made.xlgap("run")
    return made


def _runs(study):
    """All of them; MLflow's own functions would leave their store in the environment of later tests."""
    client = MlflowClient(f"sqlite:///{study.folder / 'mlflow.db'}")
    experiments = [found.experiment_id for found in client.search_experiments()]
    return client.search_runs(experiments, max_results=1000)


def _facts(study, model, arm):
    path = study.folder / "results" / "predictions" / "lab_nli" / f"{model}-{arm}" / "cell.json"
    (facts,) = json.loads(path.read_text())["seeds"]
    return facts


def test_adapters_start_from_the_weights_of_the_whole_model(study):
    whole, adapted = (_facts(study, model, "direct_en") for model in ("one", "lora"))
    assert whole["start"] == adapted["start"]
    assert whole["digest"] != adapted["digest"]
    assert whole["encoder"] == adapted["encoder"]
    assert "adapters" not in whole
    width, blocks = whole["encoder"]["d_model"], whole["encoder"]["layers"]
    assert adapted["adapters"] == 2 * blocks * 2 * 2 * width  # of query and value, A and B of rank 2
    head = whole["size"]["total"] - whole["encoder"]["total"]
    assert adapted["size"]["trainable"] == adapted["adapters"] + head
    assert adapted["size"]["total"] == whole["size"]["total"] + adapted["adapters"]


def test_adapters_and_heads_are_kept_alone(study):
    warm = study.folder / "models" / "warm" / "lora" / "inter_en" / "seed1"
    assert {path.name for path in warm.iterdir()} == {
        "adapters.safetensors", "adapters.json", "facts.json",
    }  # fmt: skip
    for arm in ("direct_en", "inter_en"):
        facts = _facts(study, "lora", arm)
        kept = load_file(study.folder / "weights" / facts["digest"] / "model.safetensors")
        assert all(".lora_" in name or name.startswith("head.") for name in kept)
        assert sum(tensor.size for tensor in kept.values()) == facts["size"]["trainable"]


def test_a_decoder_of_the_hub_is_trained_by_adapters(study):
    facts = _facts(study, "decoder", "inter_en")
    width, feed_forward = 32, 64
    sides = (width + 32) + 2 * (width + 16) + (32 + width) + 3 * (width + feed_forward)
    assert facts["adapters"] == 2 * 16 * sides  # two blocks, rank 16: q, k and v, o, feed-forward
    assert facts["encoder"]["total"] == facts["size"]["total"] - facts["adapters"] - (width + 1) * 3
    kept = load_file(study.folder / "weights" / facts["digest"] / "model.safetensors")
    assert sum(tensor.size for tensor in kept.values()) == facts["size"]["trainable"]


@pytest.mark.skipif(not FEW_BITS, reason="needs the extra 'quantised' (bitsandbytes)")
def test_a_decoder_of_few_bits_is_trained_and_scored_again(study):
    facts, whole = _facts(study, "few", "inter_en"), _facts(study, "decoder", "inter_en")
    assert facts["encoder"]["total"] == whole["encoder"]["total"]
    assert facts["size"]["total"] == facts["encoder"]["total"] + facts["size"]["trainable"]
    kept = load_file(study.folder / "weights" / facts["digest"] / "model.safetensors")
    assert sum(tensor.size for tensor in kept.values()) == facts["size"]["trainable"]
    scores = study.folder / "results" / "retention" / "lab_nli" / "few-inter_en" / "scores.csv"
    assert len(scores.read_text().splitlines()) > 10
    of = [run.data for run in _runs(study) if run.data.tags.get("xlgap.model") == "few"]
    assert {data.params["lora.bits"] for data in of if "lora.bits" in data.params} == {"4"}
    assert any(data.metrics.get("weights_bytes") == 4 * facts["size"]["trainable"] for data in of)


def test_earlier_tasks_are_scored_again_with_them(study):
    path = study.folder / "results" / "retention" / "lab_nli" / "lora-inter_en" / "scores.csv"
    found = path.read_text().splitlines()
    assert len(found) > 10
    assert len({line.split(",")[0] for line in found[1:]}) == 1


def test_the_run_says_what_is_trained(study):
    cells = [run.data for run in _runs(study) if run.data.tags.get("xlgap.arm")]
    of = {data.tags.get("xlgap.model"): data for data in cells}
    facts = _facts(study, "lora", "direct_en")
    assert of["lora"].metrics["params_adapters"] == facts["adapters"]
    assert of["lora"].metrics["params_trainable"] == facts["size"]["trainable"]
    assert of["lora"].metrics["params_total"] == of["one"].metrics["params_total"]
    assert of["lora"].metrics["params_head"] == of["one"].metrics["params_head"]
    assert of["lora"].params["lora.modules"] == "query value"
    assert "params_adapters" not in of["one"].metrics
    assert not [name for name in of["one"].params if name.startswith("lora.")]


def test_nothing_is_stale_and_other_adapters_make_their_cells_so(study, tmp_path):
    here = study.copy(tmp_path / "checkout")
    assert not here.stale()
    params = here.params
    params["models"]["lora"]["lora"]["rank"] = 3
    here.write_params(params)
    here.xlgap("graph")
    stale = {name for name in here.stale() if name.startswith(("pretrain", "warmstart", "finetune"))}
    assert stale == {
        "warmstart@lora-direct_en", "warmstart@lora-inter_en",
        "finetune@lora-direct_en-lab_nli", "finetune@lora-inter_en-lab_nli",
    }  # fmt: skip
