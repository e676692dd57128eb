"""Networks that no process holds whole train, are kept and predict as those in one piece.

On two processes: an encoder, the encoder of an encoder-decoder, decoders, and adapters beside both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from families import CONFIGS, LINES
from ranks import WITH_FAMILIES, found_by
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM

from xlgap.models.tokenizer import load_tokenizer, train_tokenizer

pytestmark = pytest.mark.e2e

CASES = (
    "encoder", "encoder-decoder", "decoder", "decoder in bf16", "shared tables", "dual encoder",
    "adapters",
)  # fmt: skip
SAME = 1e-6  # of losses, which are about 1; measured: 0


def save(family: str, folder: Path, vocabulary: int) -> None:
    """A whole checkpoint of a family, in several files where it has more than 60 kB."""
    kind, fields = CONFIGS[family]
    config = AutoConfig.for_model(kind, vocab_size=vocabulary, **fields)
    model_class = AutoModelForSeq2SeqLM if kind == "mt5" else AutoModel
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model_class.from_config(config).save_pretrained(folder / family, max_shard_size="60KB")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("split")
    tokenizer = folder / "tokenizer.json"
    train_tokenizer(LINES, tokenizer, vocabulary=90)
    size = load_tokenizer(tokenizer).size
    for family in ("XLM-R", "mT5", "BLOOM", "mDeBERTa", "Qwen3"):
        save(family, folder, size)
    assert list((folder / "BLOOM").glob("*.index.json"))
    out = folder / "found.json"
    words = (folder / "scratch", tokenizer, folder)
    read: dict[str, dict[str, dict[str, Any]]] = found_by(
        "split_losses.py", out, *words, ranks=2, PYTHONPATH=WITH_FAMILIES
    )
    assert tuple(read) == CASES
    return read


@pytest.mark.parametrize("case", CASES)
def test_losses_are_those_of_one_piece(found: dict[str, Any], case: str) -> None:
    whole, split = found[case]["whole"], found[case]["split"]
    assert split["losses"] == pytest.approx(whole["losses"], abs=SAME)
    assert len(set(whole["losses"])) == 6
    assert split["kept"] == pytest.approx(whole["kept"], rel=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_so_are_scores_on_dev_and_predictions(found: dict[str, Any], case: str) -> None:
    whole, split = found[case]["whole"], found[case]["split"]
    assert split["dev"] == whole["dev"]
    assert split["predictions"] == whole["predictions"]
    assert [len(of_part) for of_part in split["predictions"]] == [6, 1]


@pytest.mark.parametrize("case", CASES)
def test_one_is_shared_out_and_of_the_same_size(found: dict[str, Any], case: str) -> None:
    whole, split = found[case]["whole"], found[case]["split"]
    assert (whole["shared"], split["shared"]) == (False, True)
    assert whole["size"] == split["size"]
    assert whole["causal"] == split["causal"]
