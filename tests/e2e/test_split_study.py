"""A cell of a study through its stages with a network that no process holds whole, and in one piece."""

from __future__ import annotations

import copy
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from checkout import STUDY, Checkout
from families import CONFIGS
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config

from xlgap.errors import TrainingError

pytestmark = pytest.mark.e2e

CELL = ("decoder", "inter_en", "lab_nli")
OUT = Path("results/predictions/lab_nli/decoder-inter_en")
WARM = Path("models/warm/decoder/inter_en")
TWO = {"XLGAP_PROCESSES": "2"}


def decoder(folder: Path) -> None:
    """A checkpoint of several files, causal, whose tokenizer has letters alone."""
    letters = [*pre_tokenizers.ByteLevel.alphabet()]
    vocabulary = {token: n for n, token in enumerate(sorted([*letters, "<|endoftext|>"]))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    end = {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **end).save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = Qwen3Config(**{**CONFIGS["Qwen3"][1], "vocab_size": len(vocabulary)})
        model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder, max_shard_size="40KB")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Prepared, and its cell trained and scored with a network that is split."""
    folder = tmp_path_factory.mktemp("split") / "checkout"
    decoder(folder / "decoder")
    asked: dict[str, Any] = copy.deepcopy(STUDY)
    asked["study"]["name"] = "split"
    asked["models"] = {"decoder": {"hub": "decoder"}}
    asked["arms"] = {"inter_en": STUDY["arms"]["inter_en"]}
    asked["tasks"] = {"lab_nli": {**STUDY["tasks"]["lab_nli"], "train_rows": 64}}
    asked["train"] |= {"zero_stage": 3, "split": "on"}
    made = Checkout.make(folder, asked)
    for words in ("prepare lab_typing", "prepare lab_nli", "pretrain decoder"):
        made.xlgap(*words.split())
    made.xlgap("warmstart", *CELL[:2], **TWO)
    made.xlgap("finetune", *CELL, **TWO)
    made.xlgap("score", CELL[2])
    return made


def predicted(study: Checkout) -> dict[str, str]:
    return {path.name: path.read_text() for path in (study.folder / OUT / "seed1").iterdir()}


def test_one_piece_predicts_the_same(study: Checkout, tmp_path: Path) -> None:
    assert (study.folder / "results" / "scores" / "lab_nli.csv").is_file()
    here = study.copy(tmp_path / "checkout")
    here.run("rm", "-rf", "weights", str(OUT), str(WARM))
    params = here.params
    params["train"]["split"] = "off"
    here.write_params(params)
    here.xlgap("warmstart", *CELL[:2], **TWO)
    here.xlgap("finetune", *CELL, **TWO)
    assert predicted(here) == predicted(study)
    split, whole = (json.loads((of.folder / OUT / "cell.json").read_text()) for of in (study, here))
    assert split["seeds"][0]["size"] == whole["seeds"][0]["size"]
    assert split["seeds"][0]["digest"] == whole["seeds"][0]["digest"]
    names = sorted(path.name for path in (study.folder / WARM / "seed1").iterdir())
    assert names == sorted(path.name for path in (here.folder / WARM / "seed1").iterdir())


def test_stopped_it_goes_on_and_predicts_the_same(study: Checkout, tmp_path: Path) -> None:
    here = study.copy(tmp_path / "checkout")
    here.run("rm", "-rf", "weights", str(OUT))
    params = here.params
    params["train"]["checkpoint_seconds"] = 0.001
    here.write_params(params)
    process = subprocess.Popen(
        ["xlgap", "finetune", *CELL],
        cwd=here.folder,
        env={**here.environment, **TWO},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 120
    while not list((here.folder / "scratch").glob("*/phase0/step*/rank1.json")):
        assert process.poll() is None, process.stderr and process.stderr.read().decode()[-2000:]
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said.decode()[-2000:]
    assert "goes on after step" in here.xlgap("finetune", *CELL, **TWO).stderr
    assert predicted(here) == predicted(study)


def test_scoring_earlier_tasks_again_is_refused(study: Checkout, tmp_path: Path) -> None:
    here = study.copy(tmp_path / "checkout")
    params = here.params
    params["evaluation"]["retention"] = {"rows": 6, "probe_rows": 0, "mlm_lines": 0}
    here.write_params(params)
    here.xlgap("graph")
    done = here.xlgap("retention", *CELL, check=False, **TWO)
    assert done.returncode == TrainingError.exit_code, done.stderr
    assert "retention of model 'decoder' cannot run: its network is split" in done.stderr
    assert "Traceback" not in done.stderr
