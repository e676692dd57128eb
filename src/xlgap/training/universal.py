"""Reading a checkpoint of other ranks or of another ZeRO stage: DeepSpeed's universal checkpoint.

DeepSpeed converts what stages 1 to 3 have written into a file a parameter and state, and any of them
reads its part of each. Stage 0 in fp32 has torch's own optimizer, of which DeepSpeed converts nothing:
here its states are written into such files, and read from them. Source: Lian et al. 2024, "Universal
Checkpointing" (arXiv 2406.18820).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from errno import ENOSPC
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import xlgap
from xlgap.errors import TrainingError
from xlgap.training.engine import agreed_on, barrier, rank
from xlgap.training.manifest import Topology
from xlgap.training.safe_load import is_full, load_tensors, tensors_only
from xlgap.training.watchdog import Watchdog
from xlgap.training.writer import write_file

_write = partial(write_file, durable=False)  # it is read at once, and goes
_SOURCE = str(Path(xlgap.__file__).parents[1])
_STATES = ("exp_avg", "exp_avg_sq")


def refusal(written: Topology, wanted: Topology) -> str | None:
    """Why no checkpoint of ``written`` can be read by ``wanted``; ``None`` where one can."""
    if 0 in (written.stage, wanted.stage) and wanted.precision != "fp32":
        return (
            f"a checkpoint of {written} in {wanted.precision} cannot be read by {wanted}: DeepSpeed "
            "does not convert what stage 0 keeps there."
        )
    return None


def read_universal(
    engine: Any, place: Path, tag: str, written: Topology, wanted: Topology, *, watchdog: Watchdog
) -> dict[str, Any]:
    """Convert the checkpoint ``tag`` in ``place``, and load it; what was saved beside it.

    The first rank converts, all read.

    Raises:
        TrainingError: it could not be converted, on every rank; the checkpoint stays.
    """
    made = place / f"universal-{tag}"
    what = f"converting the checkpoint {tag}"

    def convert() -> str | None:
        return _failure(engine, place / tag, made, written, wanted) if rank() == 0 else None

    try:
        failure = agreed_on(watchdog.patiently(convert, what))
        if failure is not None:
            raise TrainingError(
                f"the checkpoint {place / tag} of {written} could not be converted for {wanted}: "
                f"{failure} It stays as it is: {written} goes on from it, too."
            )
        client = _read_plain(engine, made) if wanted.stage == 0 else _read_parts(engine, made)
        barrier()  # all have read it
    finally:
        if rank() == 0:
            shutil.rmtree(made, ignore_errors=True)
    return client


def _failure(engine: Any, source: Path, made: Path, written: Topology, wanted: Topology) -> str | None:
    """Make the folder ``made``; why it could not be made and what to do, where it could not."""
    try:
        said = _converted(engine, source, made, written, wanted)
    except OSError as error:
        room = "Make room on the disk, of about twice its size, then"
        return f"{error}. {room if is_full(error) else 'Mend that and'} run the same command again."
    return said and f"{said}. Remove its folder to begin again from the one before it, or the start."


def _converted(
    engine: Any, source: Path, made: Path, written: Topology, wanted: Topology
) -> str | None:
    """Make the folder ``made``; what DeepSpeed said, where it could not.

    Raises:
        OSError: the disk did not take it.
    """
    shutil.rmtree(made, ignore_errors=True)
    if written.stage == 0:
        _write_plain(engine.module, source, made)
    else:
        program = [sys.executable, "-m", "xlgap.training.safe_load"]
        options = ["--inject_missing_state", "--num_extract_workers", "1", "--num_merge_workers", "1"]
        done = subprocess.run(
            [*program, "--input_folder", source.name, "--output_folder", made.name, *options],
            cwd=made.parent,  # it takes the names of folders for patterns
            env=environment(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        (source.parent / "latest_universal").unlink(missing_ok=True)
        said = done.stderr.strip().rpartition("\n")[2]
        if done.returncode == os.EX_IOERR:
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(made))
        if done.returncode == os.EX_OSERR:
            raise OSError(said)
        if done.returncode:
            return said or f"DeepSpeed's converter ended with code {done.returncode}"
    _complete(engine, made, wanted)
    if written.stage == 3 != wanted.stage:
        _shape(engine.module, made)
    return None


def environment() -> dict[str, str]:
    """Of a process in another folder, which finds the modules that this one does."""
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, (_SOURCE, *given)))}


def _complete(engine: Any, made: Path, wanted: Topology) -> None:
    """Write what the wanted stage looks for and another one leaves out: its file names, the step."""
    import deepspeed

    model = sorted(made.glob("*model_states.pt"))[0]
    model.replace(made / _model_file(wanted))
    common = made / "zero" / "optimizer_state.pt"
    names = [name for name, param in engine.module.named_parameters() if param.requires_grad]
    steps = [made / "zero" / name / "step.pt" for name in names]
    if steps[0].is_file():
        step = load_tensors(steps[0])
    else:
        step = load_tensors(common)["optimizer_state_dict"]["state"][0]["step"]
        for path in steps:
            _write(step, path)
    groups = [{k: v for k, v in g.items() if k != "params"} for g in engine.optimizer.param_groups]
    known = {
        "ds_version": deepspeed.__version__,
        "param_groups": groups,
        "optimizer_state_dict": {"state": {0: {"step": step}}, "param_groups": groups},
    }
    _write(known, common)


def _shape(network: nn.Module, made: Path) -> None:
    """Give the flat states of stage 3 the shapes that the other stages look for."""
    for name, param in network.named_parameters():
        for key in ("fp32", *_STATES) if param.requires_grad else ():
            path = made / "zero" / name / f"{key}.pt"
            found = load_tensors(path)
            if isinstance(found, Tensor):
                _write({"param": found.view(param.shape)}, path)


def _model_file(wanted: Topology) -> str:
    return f"{'zero_pp_rank_0_' if wanted.stage == 3 else ''}mp_rank_00_model_states.pt"


def _write_plain(network: nn.Module, source: Path, made: Path) -> None:
    """Files of a checkpoint of stage 0."""
    whole = load_tensors(source / "mp_rank_00_model_states.pt")
    names = [name for name, param in network.named_parameters() if param.requires_grad]
    for number, name in enumerate(names):
        folder = made / "zero" / name
        folder.mkdir(parents=True)
        state = whole["optimizer"]["state"][number]
        _write({"param": whole["module"][name]}, folder / "fp32.pt")
        for key in _STATES:
            _write({"param": state[key]}, folder / f"{key}.pt")
        _write(state["step"], folder / "step.pt")
    told = {k: v for k, v in whole.items() if k not in ("module", "optimizer")}
    _write({**told, "module": {}, "optimizer": None}, made / "mp_rank_00_model_states.pt")


def _read_plain(engine: Any, made: Path) -> dict[str, Any]:
    """Put the files into torch's optimizer of stage 0."""
    for name, param in engine.module.named_parameters():
        if not param.requires_grad:
            continue
        folder = made / "zero" / name

        def read(key: str, like: Tensor = param, folder: Path = folder) -> Tensor:
            found: Tensor = load_tensors(folder / f"{key}.pt")["param"]
            return found.view(like.shape).to(like.device)

        with torch.no_grad():
            param.copy_(read("fp32"))
        states = {key: read(key) for key in _STATES}
        engine.optimizer.state[param] = {"step": load_tensors(folder / "step.pt"), **states}
    client: dict[str, Any] = load_tensors(made / "mp_rank_00_model_states.pt")
    return client


def _read_parts(engine: Any, made: Path) -> dict[str, Any]:
    """Let DeepSpeed read its part of the files."""
    engine._config.load_universal_checkpoint = True
    try:
        with tensors_only():
            path, client = engine.load_checkpoint(str(made.parent), tag=made.name)
    finally:
        engine._config.load_universal_checkpoint = False
    if path is None:
        raise TrainingError(f"{made}: DeepSpeed loads no checkpoint from it.")
    found: dict[str, Any] = client
    return found
