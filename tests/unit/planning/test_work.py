from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from xlgap import layout
from xlgap.config import check
from xlgap.errors import DataError
from xlgap.formats import write_json
from xlgap.models.ladder import scratch_config
from xlgap.models.network import scratch_encoder
from xlgap.models.size import size_of
from xlgap.planning.figures import model_figures
from xlgap.planning.work import (
    UNKNOWN,
    Work,
    phase_work,
    phases_work,
    prediction_work,
    prepared_manifests,
    pretrain_work,
    selection_work,
    split_rows,
    total,
    train_flops,
    training_operations,
)
from xlgap.regimes.base import Budget, Phase, Sampling

pytestmark = pytest.mark.usefixtures("toy_tasks")

PHASE = Phase(tasks=("toy_nli",), language="en")


@pytest.fixture
def figures(study):
    return model_figures("nano", study())


def test_work_is_done_several_times():
    once = Work(rows=2, steps=None, tokens=3, flops=0.5, left_out=0.25, calls=1)
    assert once * 3 == Work(rows=6, steps=None, tokens=9, flops=1.5, left_out=0.75, calls=3)
    assert once * 3 == total([once] * 3)


def test_a_trained_token_costs_six_operations_a_parameter_and_the_attention(figures):
    n = figures.trained_nonembedding
    assert n == 2 * (4 * (32 * 32 + 32) + 2 * 32 * 64 + 64 + 32 + 4 * 32) + 2 * 32
    flops = train_flops(figures, tokens=10, length=16)
    assert flops == 10 * (6 * n + 12 * 2 * 32 * 16)


def test_operations_are_those_that_torch_counts():
    """All but biases, norms and a head, which have no matrix product to count."""
    config = scratch_config(
        layers=3, width=64, heads=4, feed_forward=256, vocabulary=50, positions=64
    ) | {"hidden_dropout_prob": 0.0}
    encoder = scratch_encoder(config, seed=1)
    encoder.set_attn_implementation("eager")
    ids = torch.full((2, 40), 7)
    with FlopCounterMode(display=False) as counter:
        encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.sum().backward()
    matrices = sum(
        p.numel() for n, p in encoder.named_parameters() if p.ndim == 2 and "embeddings" not in n
    )
    counted = training_operations(matrices, layers=3, d_model=64, tokens=80, pairs=2 * 40**2)
    assert counter.get_total_flops() == counted
    whole = size_of(encoder).nonembedding
    assert training_operations(
        whole, layers=3, d_model=64, tokens=80, pairs=2 * 40**2
    ) == pytest.approx(counted, rel=0.02)


def test_a_phase_counts_whole_batches(study, figures):
    """100 rows, 2 epochs, batches of 16: 12.5, so 13 steps of 16 rows; half full at 16 of 32."""
    work = phase_work(PHASE, study(), figures)
    assert (work.rows, work.steps, work.tokens) == (13 * 16, 13, 13 * 16 * 16)


def test_the_study_overrides_the_recipe(study, figures):
    entry = {"train_rows": 100, "epochs": 1, "batch_rows": 50, "max_length": 8}
    work = phase_work(PHASE, study(tasks={"toy_nli": entry}), figures)
    assert (work.steps, work.tokens) == (2, 2 * 50 * 4)


def test_a_mixed_phase_adds_its_tasks_up(study, figures):
    mixed = Phase(tasks=("toy_nli", "toy_order"), language="en")
    alone = [phase_work(Phase(tasks=(n,), language="en"), study(), figures) for n in mixed.tasks]
    assert phase_work(mixed, study(), figures) == alone[0] + alone[1]


MIXED = {"toy_nli": {"train_rows": 300}, "toy_english": {"train_rows": 100}}


def test_a_mixture_has_the_steps_of_its_tasks_shared_by_its_rule(study, figures):
    params = study(tasks=MIXED)
    for rule in ("uniform", "proportional"):
        phase = Phase(tasks=("toy_english", "toy_nli"), language="en", sampling=Sampling(rule=rule))
        work = phase_work(phase, params, figures)
        assert work.steps == math.ceil(600 / 16) + math.ceil(200 / 16)
        assert work.rows == pytest.approx(16 * work.steps, abs=1)


def test_text_is_on_top_of_its_tasks_steps(study, figures):
    params = study(tasks={"toy_nli": {"train_rows": 160}})
    plain = phase_work(PHASE, params, figures)
    mixed = phase_work(replace(PHASE, mlm_rate=0.2), params, figures)
    assert (plain.steps, mixed.steps) == (20, 25)
    assert mixed.rows == 25 * 16
    assert mixed.flops > plain.flops * 25 / 20  # text has a large output matrix and longer lines


def test_a_budget_takes_the_place_of_recipes_or_comes_on_top(study, figures):
    params = study(tasks=MIXED)
    first, second = (Phase(tasks=(name,), language="en") for name in MIXED)
    plain = [phase_work(phase, params, figures) for phase in (first, second)]

    def steps(budget, *phases):
        return phases_work([replace(p, budget=budget) for p in phases], params, figures).steps

    assert steps(Budget(steps=100), first) == 100
    assert steps(Budget(steps=100), first, second) == pytest.approx(100, abs=1)
    assert steps(Budget(steps=100, beyond=True), first) == plain[0].steps + 100
    assert phases_work([first, second], params, figures) == plain[0] + plain[1]
    longer = replace(first, budget=Budget(tokens=5000, beyond=True))
    assert phases_work([longer], params, figures).tokens == pytest.approx(plain[0].tokens + 5000, abs=9)
    unknown = study(tasks={"toy_nli": {}})
    assert phases_work([longer], unknown, figures) == UNKNOWN


def test_unknown_rows_stay_unknown(study, figures):
    params = study(tasks={"toy_nli": {}})
    assert phase_work(PHASE, params, figures) == UNKNOWN
    assert total([Work(steps=3), UNKNOWN]).steps is None


def test_prepared_data_say_what_the_source_has(study):
    manifests = {"toy_nli": {"source": "release", "splits": {"train": {"en": {"released_rows": 37}}}}}
    unlimited = study(tasks={"toy_nli": {}})
    assert split_rows("toy_nli", "train", "en", unlimited, manifests) == 37
    assert split_rows("toy_nli", "train", "en", study(), manifests) == 37
    assert split_rows("toy_nli", "train", "sw", study(), manifests) == 100
    lower = study(tasks={"toy_nli": {"train_rows": 30}})
    assert split_rows("toy_nli", "train", "en", lower, manifests) == 30


@pytest.mark.parametrize("splits", [None, {"train": {"en": {}}}])
def test_a_damaged_manifest_is_named(study, tmp_path, splits):
    path = tmp_path / layout.prepared("toy_nli") / "manifest.json"
    write_json(path, {} if splits is None else {"source": "lab", "splits": splits})
    with pytest.raises(DataError, match=r"toy_nli/manifest\.json: .* must be .*, got nothing"):
        prepared_manifests(tmp_path, study())


def test_the_lab_makes_as_many_rows_as_are_asked_for(study):
    manifests = {"toy_nli": {"source": "lab", "splits": {"train": {"en": {"released_rows": 37}}}}}
    assert split_rows("toy_nli", "train", "en", study(), manifests) == 100
    assert split_rows("toy_nli", "train", "en", study(tasks={"toy_nli": {}}), manifests) == 37


def test_predicting_costs_a_third_of_training(study, figures):
    work = prediction_work("toy_nli", ("en", "sw"), study(), figures)
    assert (work.rows, work.tokens, work.steps) == (20, 20 * 16, 0)
    assert work.flops == pytest.approx(train_flops(figures, tokens=20 * 16, length=16) / 3)


def test_both_sides_of_a_retrieval_row_are_encoded(study, figures):
    params = study(tasks={"toy_nli": {}, "toy_retrieval": {"test_rows": 5}})
    assert prediction_work("toy_retrieval", ("de",), params, figures).tokens == 2 * 5 * 16


def test_selection_reads_dev_rows_at_every_evaluation(study, figures):
    params = study(tasks={"toy_nli": {"train_rows": 100, "dev_rows": 7}}, train={"evaluations": 3})
    assert selection_work(PHASE, params, figures).rows == 21


def test_where_dev_rows_choose_nothing_they_are_read_once(raw_real_study, figures):
    raw = raw_real_study(intermediate={"mnli": {"dev_rows": 5}, "squad": {"dev_rows": 7}})
    raw["train"]["evaluations"] = 3
    params = check(raw, Path("params.yaml"))

    def rows(*tasks: str) -> int | None:
        return selection_work(replace(PHASE, tasks=tasks), params, figures).rows

    assert rows("squad") == 7
    assert rows("mnli") == rows("mnli", "squad") == 15  # of a mixture those that choose


def test_pretraining_takes_the_tokens_of_the_study(study, figures):
    work = pretrain_work(study(), figures)
    assert (work.tokens, work.steps) == (100_000, 98)
    body = train_flops(figures, tokens=100_000, length=64)
    assert work.flops == pytest.approx(body + 6 * 0.15 * 100_000 * 32 * (500 + 32))


def test_dev_rows_of_a_mining_task_are_predicted_too(raw_real_study, figures):
    raw = raw_real_study(
        tasks={"bucc2018": {"dev_rows": 3, "test_rows": 5, "max_length": 32}, "xquad": {}},
        intermediate={"squad": {}},
    )
    work = prediction_work("bucc2018", ("de", "ru"), check(raw, Path("params.yaml")), figures)
    assert (work.rows, work.tokens) == (16, 16 * 16)
