"""What the flow runs, in which order, and what it says of a failure."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

FLOWS = Path(__file__).resolve().parents[2] / "flows"


@pytest.fixture(autouse=True)
def flows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FLOWS))


def plan(changed: set[str], **parents: str):
    from plan import Plan, Stage

    seconds = {"big": 100.0, "small": 10.0}
    return Plan(
        {
            name: Stage(name, frozenset(words.split()), name in changed, seconds.get(name, 1.0))
            for name, words in parents.items()
        }
    )


def test_all_that_reads_from_a_change_may_be_stale() -> None:
    found = plan({"data"}, data="", other="", model="other", cell="data model", report="cell")
    assert found.stale == {"data", "cell", "report"}
    assert found.order.index("cell") < found.order.index("report")


def test_the_longest_path_goes_first() -> None:
    found = plan(set(), small="", big="", left="small", right="big", end="left right")
    assert found.remaining == {"end": 1, "left": 2, "right": 2, "small": 12, "big": 102}


def test_what_a_stage_needs_is_known_by_its_family() -> None:
    from plan import Stage

    stage = Stage("studies/x/dvc.yaml:finetune@a-b-c", frozenset(), False, 1.0)
    assert (stage.family, stage.tag) == ("finetune", "train")
    assert Stage("report", frozenset(), False, 1.0).tag == "light"


def test_large_models_are_guessed_to_take_longer(tmp_path: Path) -> None:
    from plan import _Seconds, write_seconds

    (tmp_path / "params.yaml").write_text(
        "models: {big: {layers: 8, width: 64}, small: {layers: 4, width: 32}, hub: {hub: x}}"
    )
    seconds = _Seconds(tmp_path)
    assert seconds.of("pretrain@big") > seconds.of("pretrain@small") > seconds.of("report")
    write_seconds(tmp_path, {"pretrain@small": 500.0})
    write_seconds(tmp_path, {"report": 2.0})
    assert _Seconds(tmp_path).of("pretrain@small") == 500.0


@pytest.mark.parametrize("text", ['{"report": 2.', "[]", '{"report": "long"}', "\x00"])
def test_a_damaged_file_of_seconds_is_as_none(tmp_path: Path, text: str) -> None:
    from plan import SECONDS_FILE, read_seconds, write_seconds

    (tmp_path / SECONDS_FILE).parent.mkdir()
    (tmp_path / SECONDS_FILE).write_text(text)
    assert read_seconds(tmp_path) == {}
    write_seconds(tmp_path, {"report": 2.0})
    assert read_seconds(tmp_path) == {"report": 2.0}


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (
            "> xlgap finetune a\nerror: loss is not finite\n\n"
            "ERROR: failed to reproduce 'a': failed to run: xlgap finetune a, exited with 2",
            "error: loss is not finite",
        ),
        (
            "Running stage 'a':\n> true\nERROR: failed to reproduce 'a': output 'x' does not exist",
            "ERROR: failed to reproduce 'a': output 'x' does not exist",
        ),
        (
            "> false\nERROR: failed to reproduce 'a': failed to run: false, exited with 1",
            "ERROR: failed to reproduce 'a': failed to run: false, exited with 1",
        ),
        ("", "it wrote nothing"),
    ],
)
def test_a_failure_says_why(log: str, reason: str) -> None:
    from stage import StageFailedError

    assert StageFailedError("a", 1, log.splitlines(), Path("a.log")).reason == reason


def test_the_time_left_follows_the_speed_so_far() -> None:
    from display import Bar, clock

    bar = Bar({"a": 10.0, "b": 10.0, "c": 10.0, "d": 30.0}, workers=2)
    assert bar.left() == 30.0
    bar.drop("a", took=20.0)
    assert bar.left() == 60.0
    assert clock(3675) == "1:01:15"


@pytest.mark.parametrize("limit", ["gpu=1", "train", "train=0", "train=x"])
def test_a_wrong_limit_is_one_sentence(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    from grid import main

    assert main(["--limit", limit]) == 2
    assert f"got '{limit}'" in capsys.readouterr().err


def test_a_second_attempt_only_where_it_can_heal() -> None:
    from dvc.exceptions import ReproductionError
    from dvc.lock import LockError
    from dvc.stage.exceptions import StageCmdFailedError

    from stage import HELD, TRANSIENT, _kind

    def failed(cause: Exception) -> ReproductionError:
        error = ReproductionError("failed to reproduce")
        error.__cause__ = cause
        return error

    assert _kind(failed(StageCmdFailedError("x", 137))) == TRANSIENT
    assert _kind(failed(StageCmdFailedError("x", -11))) == TRANSIENT
    assert _kind(failed(StageCmdFailedError("x", 75))) == TRANSIENT  # TryAgainError, or it hung
    assert _kind(failed(LockError("busy"))) == HELD
    assert _kind(failed(StageCmdFailedError("x", 2))) is None
    assert _kind(failed(StageCmdFailedError("x", 130))) is None
    assert _kind(failed(StageCmdFailedError("x", -15))) is None
    assert _kind(None) is None


def test_grid_needs_no_prefect_to_be_imported() -> None:
    import subprocess

    script = f"import sys; sys.path.insert(0, {str(FLOWS)!r}); import grid; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"prefect", "dvc", "torch", "mlflow"} & set(done.stdout.split())


def test_stages_that_need_no_run_after_all_are_left_out_however_many(tmp_path: Path) -> None:
    """A chain of them below a stage that has ended and wrote what it had written before."""
    from dvc.repo import Repo

    from running import Run
    from stage import Stages

    Repo.init(str(tmp_path), no_scm=True).close()
    names = ["data", *(f"stage{number}" for number in range(1500))]
    parents = dict(zip(names, ["", *names], strict=False))
    run = Run(plan({"data"}, **parents), Stages(tmp_path), workers=2, limits={})
    run.waiting.remove("data")
    run.to_the_end()
    run.stages.close()
    assert run.summary.up_to_date == set(names[1:])
    assert not run.summary.done
