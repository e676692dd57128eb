"""Where a stage takes base weights of few bits from, and what it keeps of training over them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlgap import layout
from xlgap.config import Params
from xlgap.errors import ConfigError, Interrupted
from xlgap.formats import write_json, write_jsonl
from xlgap.models import quantised
from xlgap.models.ladder import scratch_config
from xlgap.models.network import load_state, save_encoder, scratch_encoder
from xlgap.models.size import size_of
from xlgap.regimes.base import Phase
from xlgap.stages.fit import fit
from xlgap.stages.recipe import train_digest
from xlgap.stages.start import POINTER, pretrained_start
from xlgap.stages.study import Study

pytestmark = pytest.mark.usefixtures("toy_tasks", "one_rank")

NLI = Phase(tasks=("toy_nli",), language="en")
SIZE = {"layers": 1, "width": 64, "heads": 2, "feed_forward": 128}
WORDS = ["cat", "dog", "mat", "bird", "ran", "sat", "house", "home"]


class Watching:
    def __init__(self, stop_after: int | None = None) -> None:
        self.step, self.stop_after = 0, stop_after
        self.losses: list[float] = []

    def on_start(self, step: int, *, steps: int) -> None: ...

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        self.step = step
        self.losses.append(loss)

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None: ...

    def on_event(self, name: str, sentence: str) -> None: ...

    def stop_requested(self) -> bool:
        return self.step == self.stop_after


@pytest.fixture
def params(
    study: Callable[..., Params], tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Params:
    """A study of a rung of the ladder, whole and over 8 and 4 bits, of the same pretrained weights."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(1)
    for split, count in (("train", 32), ("dev", 8)):
        rows = [
            {
                "id": str(n), "group": str(n), "label": "ab"[n % 2], "text_b": "the cat",
                "text": " ".join(draw.choices(WORDS, k=draw.randint(2, 9))),
            }
            for n in range(count)
        ]  # fmt: skip
        write_jsonl(layout.rows("toy_nli", split, "en"), rows)
    layout.TOKENIZER.parent.mkdir(parents=True)
    tokenizer.fast.save(str(layout.TOKENIZER))
    lora = {"rank": 4, "alpha": 8}
    models = {
        "whole": {**SIZE, "lora": lora},
        **{f"bits{bits}": {**SIZE, "lora": {**lora, "bits": bits}} for bits in (8, 4)},
    }
    encoder = scratch_encoder(scratch_config(**SIZE, vocabulary=tokenizer.size, positions=64), seed=0)
    for name in models:
        save_encoder(encoder, layout.pretrained(name), {"digest": "same"})
    return study(
        models=models, tasks={"toy_nli": {"learning_rate": 0.01}}, intermediate={},
        train={"evaluations": 2},
    )  # fmt: skip


def test_without_the_library_a_stage_says_so_before_it_loads(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantised, "LIBRARY", "no_such_library")
    assert pretrained_start(params, "whole").digest == "same"
    with pytest.raises(ConfigError, match=r"key 'lora.bits'.*'pip install xlgap\[quantised\]'"):
        pretrained_start(params, "bits8")


def test_bits_are_in_the_digest(params: Params) -> None:
    made = Study(params)
    assert len({train_digest(made, name, "same", [NLI], 1) for name in params.models}) == 3
    assert "bits" not in params.models["whole"].lora.told
    assert params.models["bits4"].lora.told["bits"] == 4


@pytest.mark.parametrize("bits", [8, 4])
def test_training_over_few_bits_keeps_adapters_and_goes_on(params: Params, bits: int) -> None:
    bnb = pytest.importorskip(
        "bitsandbytes", reason="weights of few bits need the extra 'quantised' (bitsandbytes)"
    )
    made, name = Study(params), f"bits{bits}"
    start = pretrained_start(params, name)
    kind = bnb.nn.Linear8bitLt if bits == 8 else bnb.nn.Linear4bit
    assert sum(isinstance(module, kind) for module in start.encoder().modules()) == 6
    whole, few = Watching(), Watching()
    plain = pretrained_start(params, "whole")
    fit(made, "whole", plain, [NLI], seed=1, observer=whole)
    fitted = fit(made, name, start, [NLI], seed=1, observer=few)
    assert few.losses == pytest.approx(whole.losses, abs={8: 0.02, 4: 0.1}[bits])
    assert few.losses != pytest.approx(whole.losses, abs=1e-6)
    file = layout.weights(fitted.digest) / "model.safetensors"
    kept = load_state(file)
    assert all(".lora_" in key or key.startswith("head.") for key in kept)
    assert size_of(fitted.network).trainable == sum(tensor.numel() for tensor in kept.values())
    assert size_of(fitted.network.encoder).total > size_of(plain.encoder()).total
    bytes_before = file.read_bytes()
    again = fit(made, name, start, [NLI], seed=1, observer=Watching())
    assert again.reused
    file.parent.rename(file.parent.with_name("first"))
    with pytest.raises(Interrupted):
        fit(made, name, start, [NLI], seed=1, observer=Watching(stop_after=2))
    fit(made, name, start, [NLI], seed=1, observer=Watching())
    assert file.read_bytes() == bytes_before


def test_a_checkpoint_of_the_hub_is_held_so_too(params: Params, tokenizer: Any) -> None:
    bnb = pytest.importorskip(
        "bitsandbytes", reason="weights of few bits need the extra 'quantised' (bitsandbytes)"
    )
    folder = layout.pretrained("bits4")
    hub = folder.with_name("hub").resolve()
    folder.rename(hub)
    tokenizer.fast.save(str(hub / "tokenizer.json"))
    pointer = {"model": {"hub": str(hub)}, "digest": "hub", "size": {}}
    folder.mkdir()
    write_json(folder / POINTER, pointer)
    encoder = pretrained_start(params, "bits4").encoder()
    assert sum(isinstance(module, bnb.nn.Linear4bit) for module in encoder.modules()) == 6
