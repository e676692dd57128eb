"""Which files are a checkpoint."""

import hashlib
import os
from pathlib import Path

import pytest
import torch

from xlgap.errors import DataError, TrainingError
from xlgap.formats import read_json, write_json
from xlgap.training.manifest import (
    Beside,
    Topology,
    beside,
    damage,
    declare,
    finished,
    folder_of,
    harm,
    steps_in,
)
from xlgap.training.writer import Collector, Writer

TWO = Topology(stage=2, precision="fp32", world=2)


def write(place, step, *, ranks=(0, 1), skipped=()):
    folder = folder_of(place, step)
    for rank in ranks:
        writer = Writer()
        content = {f"rank{rank}.pt": {"weights": torch.full((50,), float(rank))}}
        writer.start(
            folder,
            content,
            lambda files, rank=rank: declare(
                folder,
                rank=rank,
                step=step,
                topology=TWO,
                skipped=skipped,
                files=files,
                beside=Beside(files=files if rank == 0 else {}),
            ),
        )
        assert writer.wait() is None
    return folder


def test_it_is_one_when_all_ranks_have_said_so(tmp_path):
    assert finished(write(tmp_path, 4, ranks=[0])) is None
    assert finished(write(tmp_path, 4, ranks=[1], skipped=(2,))) == (TWO, ())
    assert finished(write(tmp_path, 9, ranks=[1])) is None
    (tmp_path / "step").mkdir()
    (tmp_path / "stepx").mkdir()
    assert steps_in(tmp_path) == [9, 4]


def test_the_checksum_is_that_of_the_file(tmp_path):
    folder = write(tmp_path, 4)
    assert damage(folder, range(2)) is None
    assert torch.equal(torch.load(folder / "rank1.pt")["weights"], torch.ones(50))
    told = (folder / "rank1.json").read_text()
    assert hashlib.sha256((folder / "rank1.pt").read_bytes()).hexdigest() in told


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: os.truncate(path, 100), "has 100 of"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"), "another checksum"),
        (lambda path: path.unlink(), "is gone"),
    ],
    ids=["truncated", "changed", "removed"],
)
def test_damage_is_said_in_words(tmp_path, harm, said):
    folder = write(tmp_path, 4)
    harm(folder / "rank1.pt")
    assert damage(folder, range(1)) is None
    assert said in damage(folder, range(2))


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("left", [b"", b"{}", bytes(200)], ids=["empty", "other", "zeros"])
def test_a_damaged_manifest_is_not_taken_for_none(tmp_path, rank, left):
    """As a power cut leaves one whose bytes the disk did not have yet."""
    folder = write(tmp_path, 4)
    (folder / f"rank{rank}.json").write_bytes(left)
    with pytest.raises(DataError, match=f"rank{rank}.json"):
        finished(folder)
    assert f"rank{rank}.json" in damage(folder, range(2))


def test_a_manifest_of_another_version_is_one_sentence(tmp_path):
    folder = write(tmp_path, 4)
    known = read_json(path := folder / "rank0.json")
    known["files"]["rank0.pt"]["more"] = 1
    write_json(path, known)
    with pytest.raises(DataError, match=r"'more' of rank0\.pt is not known here"):
        finished(folder)
    assert "'more'" in damage(folder, range(2))


def test_manifests_and_their_folder_are_on_the_disk_when_it_is_told(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def watched(handle):
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    folder = write(tmp_path, 4, ranks=[0])
    names = [path.name.removeprefix(".") for path in synced]
    manifest = next(k for k, name in enumerate(names) if name.startswith("rank0.json"))
    assert manifest > names.index("rank0.pt")
    assert [folder, tmp_path] == synced[-2:]


def test_a_file_that_cannot_be_read_is_not_taken_for_a_damaged_one(tmp_path, monkeypatch):
    """A checkpoint that is left out goes with the next one: of a lost mount it would be lost, too."""
    folder = write(tmp_path, 4)

    def refused(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refused)
    text = "Permission denied"
    with pytest.raises(TrainingError, match=rf"rank0\.json cannot be read \({text}\): mend"):
        damage(folder, range(1))


def test_a_damaged_manifest_is_not_to_be_fetched(tmp_path):
    folder = write(tmp_path, 4)
    (folder / "rank0.json").write_text('{"rank": ')
    assert damage(folder, range(1)).endswith("the file may be truncated.")


def test_files_beside_a_checkpoint_are_known_by_size_and_checksum(tmp_path):
    folder = write(tmp_path, 4)
    ((name, told),) = beside(folder).files.items()
    assert harm(folder / name, told) is None
    assert "is gone" in harm(tmp_path / name, told)
    (folder / name).write_bytes(bytes(told.bytes))
    assert "another checksum" in harm(folder / name, told)
    (folder / name).write_bytes(b"")
    assert f"0 of {told.bytes:,} bytes" in harm(folder / name, told)


def test_a_manifest_from_before_there_were_such_files_is_read(tmp_path):
    folder = write(tmp_path, 4)
    for rank in (0, 1):
        path = folder / f"rank{rank}.json"
        known = read_json(path)
        del known["beside"]
        write_json(path, known)
    assert finished(folder) == (TWO, ())
    assert beside(folder) == Beside()
    write_json(path := folder / "rank0.json", {**read_json(path), "beside": {"best4": 3}})
    with pytest.raises(DataError, match="beside"):
        finished(folder)


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    writer, folder = Writer(), folder_of(tmp_path, 4)
    folder.mkdir()
    (folder / "b.pt").mkdir()
    writer.start(folder, {"a.pt": [1], "b.pt": [2]}, lambda files: pytest.fail("it was written"))
    error = writer.wait()
    assert isinstance(error, IsADirectoryError)
    assert not (folder / "a.pt").exists()
    assert writer.wait() is None


def test_copies_do_not_change_with_what_they_are_copies_of(tmp_path):
    weights = torch.zeros(6)
    state = {"a": weights, "b": [weights[2:4], weights[2:4]], "kept": weights, "n": (1, "x")}
    collector = Collector(object(), shared=frozenset({"kept"}))
    collector.makedirs(str(tmp_path / "no"))
    collector.save(state, str(tmp_path / "no" / "file.pt"))
    weights += 1
    found = collector.files["file.pt"]
    assert found["a"].sum() == 0
    assert found["kept"].sum() == 6
    assert found["b"][0] is found["b"][1]
    assert found["n"] == (1, "x")
    assert not (tmp_path / "no").exists()


def test_in_stage_0_any_number_of_ranks_reads_it():
    one, two = (Topology(stage=0, precision="fp32", world=world) for world in (1, 2))
    assert one.reads(two)
    assert not TWO.reads(Topology(stage=2, precision="fp32", world=1))
    assert not one.reads(Topology(stage=0, precision="bf16", world=2))
    assert str(TWO) == "ZeRO stage 2 on 2 processes"
