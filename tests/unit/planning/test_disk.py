"""What a stage has on disk while it trains."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xlgap.cell import grid
from xlgap.models.catalogue import get_checkpoint
from xlgap.planning import plan_study, render, to_json
from xlgap.planning.disk import stage_disk
from xlgap.planning.hardware import get_hardware
from xlgap.planning.search import choose
from xlgap.planning.shape import shape_of_checkpoint
from xlgap.planning.ways import Asked, Load
from xlgap.train_params import TrainParams

N = 1000
LOAD = Load(task="mnli", head="classify", outputs=3, rows=64, sequences=1, length=64, longest=128)
CHOICE = choose(
    shape_of_checkpoint(get_checkpoint("FacebookAI/xlm-roberta-base")), (LOAD,), get_hardware("8xh100"),
    Asked(precision="bf16", zero_stage=3),
)  # fmt: skip


def disk(*, split=False, on_dev=True, evaluations=3, phases=1, unkept=0):
    train = TrainParams(version=1, precision="bf16", evaluations=evaluations)
    choice = replace(CHOICE, split=split)
    return stage_disk(N, choice, train, devices=8, on_dev=on_dev, phases=phases, unkept=unkept)


def test_best_weights_of_a_split_network_are_in_files_beside_its_checkpoints():
    """In one piece every process has them in its part of each checkpoint."""
    assert disk() == (12 * N + 8 * 4 * N, 2 * (12 + 8 * 4) * N)
    assert disk(split=True) == (12 * N, (2 * 12 + 3 * 4) * N)
    assert disk(split=True, evaluations=50).scratch == (2 * 12 + 4 * 4) * N  # what checkpoints know
    assert disk(split=True, on_dev=False).scratch == (2 * 12 + 4) * N  # the last ones
    assert disk(split=True, phases=2, unkept=3).scratch == (3 * 12 + 2 * 3 * 4 + 3 * 4) * N


@pytest.mark.usefixtures("toy_tasks")
def test_plans_show_what_checkpoints_take(study):
    train = {"zero_stage": "auto", "precision": "bf16"}
    params = study(models={"bloom": {"hub": "bigscience/bloom"}}, train=train)
    plan = plan_study(params, grid(params), hardware="8x8xh100")
    (stage,) = (stage for stage in plan.stages if stage.choice is not None)
    assert stage.choice.split
    assert stage.checkpoint_bytes == 12 * stage.params_total  # 64 copies of 4 more in one piece
    assert stage.scratch_bytes == plan.totals.scratch_bytes < 50 * stage.params_total
    (told,) = (of for of in to_json(plan)["stages"] if of["choice"] is not None)
    assert told["checkpoint_bytes"] == stage.checkpoint_bytes
    assert told["scratch_bytes"] == stage.scratch_bytes
    text = render(plan, width=200)
    assert "┃ checkpoint ┃" in text
    assert "┃  scratch ┃" in text
