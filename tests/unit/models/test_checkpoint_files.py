"""Tensors read and written one at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from xlgap.errors import DataError, ResultError
from xlgap.models.checkpoint_files import TensorFile, Tensors, folder_tensors, hub_tensors
from xlgap.models.network import save_state
from xlgap.models.stored import copy_tensors, write_tensors

STATE = {
    "b.weight": torch.arange(12.0).view(3, 4),
    "a": torch.tensor([1.5]),
    "scalar": torch.tensor(2.0),
    "empty": torch.zeros(0, 3),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64])
def test_tensors_are_read_as_the_formats_own_reader_does(tmp_path: Path, dtype: torch.dtype) -> None:
    state = {name: tensor.to(dtype) for name, tensor in STATE.items()}
    save_file(state, str(tmp_path / "model.safetensors"), metadata={"format": "pt"})
    file = TensorFile(tmp_path / "model.safetensors")
    assert file.shapes == {name: tuple(tensor.shape) for name, tensor in state.items()}
    for name, tensor in state.items():
        assert file.read(name).dtype == dtype
        assert torch.equal(file.read(name), tensor)


def test_a_file_written_tensor_by_tensor_has_the_bytes_of_one_written_whole(tmp_path: Path) -> None:
    save_state(STATE, tmp_path / "whole")
    shapes = {name: tuple(tensor.shape) for name, tensor in STATE.items()}
    write_tensors(tmp_path / "parts", shapes, sorted(STATE.items()))
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"parts", "whole"}


def test_what_stops_in_the_middle_leaves_no_file(tmp_path: Path) -> None:
    def some():
        yield "a", STATE["a"]
        raise OSError(28, "No space left on device")

    shapes = {"a": (1,), "b.weight": (3, 4)}
    with pytest.raises(ResultError, match=r"No space left on device; make room on the disk"):
        write_tensors(tmp_path / "file", shapes, some())
    assert not list(tmp_path.iterdir())


def test_a_part_of_a_file_is_copied_under_other_names(tmp_path: Path) -> None:
    save_state({"encoder.w": torch.ones(2), "head.w": torch.zeros(3)}, tmp_path / "both")
    both = Tensors.of([TensorFile(tmp_path / "both")], "both")
    copy_tensors(both.under("encoder."), tmp_path / "one")
    assert {k: v.tolist() for k, v in load_file(tmp_path / "one").items()} == {"w": [1, 1]}


def test_several_files_are_read_by_their_index(tmp_path: Path) -> None:
    for number, name in enumerate(STATE):
        save_file({name: STATE[name]}, str(tmp_path / f"part-{number}.safetensors"))
    named = {name: f"part-{number}.safetensors" for number, name in enumerate(STATE)}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": named}))
    found = hub_tensors(str(tmp_path), None)
    assert found.shapes.keys() == STATE.keys()
    assert all(torch.equal(found.read(name), tensor) for name, tensor in STATE.items())
    index.write_text(json.dumps({"weight_map": {**named, "other": "part-0.safetensors"}}))
    with pytest.raises(DataError, match=r"it lacks other, which model\.safetensors\.index\.json says"):
        folder_tensors(tmp_path)


def test_damage_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_state(STATE, path)
    whole = path.read_bytes()
    deep = (100_000).to_bytes(8, "little") + b"[" * 100_000
    for bytes_ in (whole[:-8], b"", whole[:20], b"\xff" * 40, b"\x02" + bytes(7) + b"[]", deep):
        path.write_bytes(bytes_)
        with pytest.raises(DataError, match=r"damaged weights \(.*\); fetch or make the file again\."):
            assert TensorFile(path).shapes
    with pytest.raises(DataError, match=r"there is neither model\.safetensors nor"):
        folder_tensors(tmp_path / "nothing")
