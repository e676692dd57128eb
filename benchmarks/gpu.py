"""What one GPU does with this project's loop: speed, memory, the largest models; all in one call.

    python benchmarks/gpu.py [--out FOLDER] [--only PART ...] [--seconds N] [--small]

Every part runs in a process of its own, one after another, until it is done or ``--seconds`` are over:

- ``peak``: the speed of a bf16 product of matrices of 8,192 x 8,192, the best of ten;
- ``mfu``: XLM-R large in bf16 on rows as long as real ones, packed: operations of the text's sub-words
  (Kaplan's 6N and attention, nothing twice) a second, over that peak; and how often a step waits for
  the device besides its end;
- ``trainer``: useful sub-words a second against transformers' Trainer and plain loops
  (``benchmarks/training.py --model large --precision bf16``);
- ``memory``: predicted and measured peaks of the allocator (``benchmarks/memory.py``);
- ``offload``: three steps of XLM-R XL's shape (3.5 thousand million parameters) under ZeRO-3, weights
  and optimizer in the host's memory;
- ``lora``: the largest decoder of Llama's shape of which adapters train, weights in bf16, by trying.

Prints each part's findings as JSON and writes them to FOLDER (``docs/results/gpu``), with the device
and the versions. ``--small`` is for trying the script itself on any machine: its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE.parent / "docs" / "results" / "gpu"
XLMR_LARGE = {"layers": 24, "width": 1024, "heads": 16, "vocabulary": 250_002}
SMALL = {"layers": 2, "width": 64, "heads": 2, "vocabulary": 30_000}
LLAMAS: Mapping[str, tuple[int, int, int, int]] = {
    # billions of parameters: width, layers, heads, feed-forward width
    "7": (4096, 32, 32, 11008),
    "13": (5120, 40, 40, 13824),
    "30": (6656, 60, 52, 17920),
    "48": (7680, 66, 60, 20480),
    "57": (8192, 70, 64, 21504),
    "65": (8192, 80, 64, 22016),
}
TINY = {"tiny": (64, 2, 2, 128)}


def matrix_peak(*, small: bool) -> dict[str, Any]:
    """Operations a second of the best of ten products."""
    import torch

    from xlgap.training.engine import device

    size = 256 if small else 8192
    a, b = (torch.randn(size, size, device=device(), dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(13):
        began = now()
        a @ b
        seconds.append(now() - began)
    return {"size": size, "flops": 2 * size**3 / min(seconds[3:])}


def now() -> float:
    """Wall seconds, the device's work done."""
    import torch

    from xlgap.training.engine import device

    if device() == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


class Stopwatch:
    """Times the steps of a training after the first ones, when their losses are known."""

    def __init__(self, warm: int) -> None:
        self.warm, self.began, self.seconds = warm, 0.0, 0.0

    def on_start(self, step: int, *, steps: int) -> None:
        """Nothing yet."""

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        """Start behind the warm ones."""
        if step == self.warm:
            self.began = time.perf_counter()
        self.seconds = time.perf_counter() - self.began

    def on_saving(self) -> None:
        """Nothing is kept."""

    def on_evaluation(self, step: int, score: float) -> None:
        """There is none."""

    def on_event(self, name: str, sentence: str) -> None:
        """Tell it: it spoils the measurement."""
        print(f"{name}: {sentence}", file=sys.stderr)

    def stop_requested(self) -> bool:
        """No."""
        return False


@contextmanager
def counted_waits() -> Iterator[Callable[[], int]]:
    """Count where the processor waits for the device, as torch warns of it."""
    import torch

    from xlgap.training.engine import device

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        if device() == "cuda":
            torch.cuda.set_sync_debug_mode("warn")
        try:
            yield lambda: sum("synchroniz" in str(warning.message) for warning in seen)
        finally:
            if device() == "cuda":
                torch.cuda.set_sync_debug_mode("default")


def utilisation(*, small: bool) -> dict[str, Any]:
    """Of XLM-R large, by kind of rows; ``mfu`` wants the peak of the part before."""
    import torch

    from training_rows import PAD, made_examples
    from xlgap.models.ladder import scratch_config
    from xlgap.models.network import Network, make_head, scratch_encoder
    from xlgap.models.packed import packs
    from xlgap.planning.work import training_operations
    from xlgap.tasks.base import Classify, Span
    from xlgap.training.data import TaskData
    from xlgap.training.engine import device, device_peak, process_group
    from xlgap.training.trainer import PhaseSettings, train_phase
    from xlgap.training.zero import ZeroPlan

    shape = SMALL if small else XLMR_LARGE
    peak, found = matrix_peak(small=small)["flops"], {}
    tokens, warm, steps = (512, 1, 3) if small else (65_536, 5, 25)
    with process_group(threads=1):
        for kind in ("nli", "qa"):
            rows = max(2, tokens // (45 if kind == "nli" else 190))
            data = TaskData(made_examples(kind, rows * steps, seed=0), PAD)
            config = scratch_config(**shape, feed_forward=4 * shape["width"], positions=512)
            encoder = scratch_encoder(config, seed=1)
            task = Span() if kind == "qa" else Classify(labels=("a", "b", "c"))
            network = Network(encoder, make_head(task, encoder, seed=1)).to(device())
            body = sum(p.numel() for n, p in encoder.named_parameters() if "embeddings." not in n)
            settings = PhaseSettings(
                steps=steps, batch_rows=rows, token_budget=2 * tokens, evaluations=0, select="last",
                seed=1, zero=ZeroPlan(learning_rate=1e-5, precision="bf16"), checkpoint_seconds=1e9,
            )  # fmt: skip
            course = settings.course(data, packed=packs(encoder))
            plan = course.plan(token_budget=settings.token_budget, world=1)
            used = [i for step in plan[warm:] for micro in step.micro for i in micro.ranks[0]]
            lengths = [length for i in used for length in data.sequences_of[i]]
            watch = Stopwatch(warm)
            with tempfile.TemporaryDirectory() as scratch, counted_waits() as waits:
                train_phase(
                    network, course, settings, evaluate=None, observer=watch, scratch=Path(scratch)
                )
            work = training_operations(
                body, layers=shape["layers"], d_model=shape["width"], tokens=sum(lengths),
                pairs=sum(length**2 for length in lengths),
            )  # fmt: skip
            found[kind] = {
                "tokens_per_second": sum(lengths) / watch.seconds,
                "flops": work / watch.seconds,
                "mfu": work / watch.seconds / peak,
                "seconds_per_step": watch.seconds / (steps - warm),
                "waits_per_step": waits() / steps,
                "peak_bytes": device_peak(),
            }
            del network, encoder
            if device() == "cuda":
                torch.cuda.empty_cache()
    return {"matrix_peak": peak, **found}


def largest_lora(*, small: bool) -> dict[str, Any]:
    """Three steps of ever larger decoders until one does not fit; each in a process of its own."""
    found: dict[str, Any] = {}
    for name in TINY if small else LLAMAS:
        done = child("lora-one", name, small=small, seconds=400)
        found[name] = done
        if "error" in done:
            break
    return found


def train_lora(name: str) -> dict[str, Any]:
    """One decoder with adapters on all its matrices, its weights drawn on the device in bf16."""
    import torch
    from transformers import LlamaConfig

    from training_rows import PAD, made_examples
    from xlgap.adapter_params import LoraParams
    from xlgap.models.adapters import add_adapters
    from xlgap.models.network import Network, _encoder, _from_config, make_head
    from xlgap.tasks.base import Classify
    from xlgap.training.data import TaskData
    from xlgap.training.engine import device, device_peak, process_group
    from xlgap.training.trainer import PhaseSettings, train_phase
    from xlgap.training.zero import ZeroPlan

    width, layers, heads, forward = (LLAMAS | TINY)[name]
    config = LlamaConfig(
        vocab_size=32_000, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=forward, pad_token_id=PAD, dtype=torch.bfloat16,
    )  # fmt: skip
    with process_group(threads=1):
        torch.set_default_dtype(torch.bfloat16)
        with torch.device(device()):
            encoder = _encoder(config, _from_config)
        torch.set_default_dtype(torch.float32)
        add_adapters(encoder, LoraParams(), seed=1)
        network = Network(encoder, make_head(Classify(labels=("a", "b", "c")), encoder, seed=1))
        settings = PhaseSettings(
            steps=3, batch_rows=8, token_budget=1024, evaluations=0, select="last", seed=1,
            zero=ZeroPlan(learning_rate=1e-4, precision="bf16", activation_checkpointing=True),
            checkpoint_seconds=1e9,
        )  # fmt: skip
        watch = Stopwatch(1)
        with tempfile.TemporaryDirectory() as scratch:
            train_phase(
                network, TaskData(made_examples("nli", 24, seed=0), PAD), settings, evaluate=None,
                observer=watch, scratch=Path(scratch),
            )  # fmt: skip
        return {
            "parameters": sum(p.numel() for p in network.parameters()),
            "seconds_per_step": watch.seconds / 2,
            "peak_bytes": device_peak(),
        }


def memory_measured(*, small: bool) -> dict[str, Any]:
    """Cases of the memory benchmark, and how far predictions are off."""
    import statistics

    from memory import rows
    from memory_cases import cases
    from memory_table import compared

    names = [case.name for case in cases()][: 2 if small else None]
    with tempfile.TemporaryDirectory() as folder:
        out = (
            Path(folder) / "measured.csv" if small else RESULTS.parent / "memory" / "measured_cuda.csv"
        )
        run([str(HERE / "memory.py"), "measure", "--out", str(out), "--only", *names], seconds=500)
        by_name = {case.name: case for case in cases()}
        found = [compared(by_name[row["name"]], row) for row in rows(out)]
    errors = {c.row["name"]: c.error for c in found}
    return {"median_error": statistics.median(map(abs, errors.values())), "errors": errors}


def offloaded(*, small: bool) -> dict[str, Any]:
    """XLM-R XL under ZeRO-3 with everything in the host's memory."""
    from memory import train
    from memory_cases import OFFLOADED, SMALL_OFFLOADED
    from memory_table import compared

    case = SMALL_OFFLOADED if small else OFFLOADED
    row = {**case.columns(), **train(case)}
    found = compared(case, {name: str(value) for name, value in row.items()})
    kept = ("params", "seconds", "measured", "reserved", "by")
    return {**{name: row[name] for name in kept}, "predicted": found.predicted, "error": found.error}


def trainer(*, small: bool) -> dict[str, Any]:
    """The training benchmark."""
    how = ["--examples", "64", "--rounds", "1"] if small else [
        "--model", "large", "--precision", "bf16", "--examples", "3200", "--rounds", "2"
    ]  # fmt: skip
    told = run([str(HERE / "training.py"), "--json", *how], seconds=500)
    return {"found": json.loads(told[told.index("[\n {") :])}  # behind what libraries print


PARTS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "peak": matrix_peak,
    "mfu": utilisation,
    "offload": offloaded,
    "lora": largest_lora,
    "trainer": trainer,
    "memory": memory_measured,
}


def run(program: list[str], *, seconds: float) -> str:
    """What a program prints.

    Raises:
        RuntimeError: it failed, or took too long.
    """
    try:
        done = subprocess.run(
            [sys.executable, *program], capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"not done after {seconds:.0f} s") from error
    if done.returncode:
        raise RuntimeError(done.stderr[-1500:])
    return done.stdout


def child(part: str, *words: str, small: bool, seconds: float) -> dict[str, Any]:
    """What a part finds in a process of its own, or why it did not."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        program = [__file__, "--part", part, "--to", str(out), *["--small"] * small, *words]
        try:
            run(program, seconds=seconds)
        except RuntimeError as error:
            return {"error": str(error)}
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found


def where() -> dict[str, Any]:
    """The device and the versions."""
    import deepspeed
    import torch
    import transformers

    from xlgap.training.engine import device_name

    return {
        "device": device_name() or "cpu", "torch": torch.__version__, "cuda": torch.version.cuda,
        "deepspeed": deepspeed.__version__, "transformers": transformers.__version__,
        "python": platform.python_version(),
    }  # fmt: skip


def main() -> int:
    """Run the parts, or be one of them."""
    parser = argparse.ArgumentParser(description="What one GPU does with this project's loop.")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=list(PARTS), metavar="PART")
    parser.add_argument("--seconds", type=float, default=570.0, help="for all parts")
    parser.add_argument("--small", action="store_true", help="try the script; its numbers mean nothing")
    parser.add_argument("--part", help="(used by the script itself)")
    parser.add_argument("--to", type=Path, help="(used by the script itself)")
    parser.add_argument("name", nargs="?", help="(used by the script itself)")
    options = parser.parse_args()
    if options.part:
        lora = options.part == "lora-one"
        found = train_lora(options.name) if lora else PARTS[options.part](small=options.small)
        options.to.write_text(json.dumps(found), encoding="utf-8")
        return 0
    end, failed = time.monotonic() + options.seconds, False
    options.out.mkdir(parents=True, exist_ok=True)
    told = where()
    print(json.dumps(told))
    if told["device"] == "cpu" and not options.small:
        print("torch sees no GPU; --small tries the script on a CPU.", file=sys.stderr)
        return 2
    for part in options.only:
        left = max(1.0, end - time.monotonic())
        found = child(part, small=options.small, seconds=left)
        failed |= "error" in found
        print(json.dumps({part: found}, indent=1), flush=True)
        text = json.dumps({**told, part: found}, indent=1) + "\n"
        (options.out / f"{part}.json").write_text(text, encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
