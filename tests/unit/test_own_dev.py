"""XNLI is trained on MultiNLI, and its English trainings are selected on XNLI's own English dev set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlgap import layout
from xlgap.cell import Cell, grid
from xlgap.checks.leakage import Place
from xlgap.checks.leakage_gate import reads
from xlgap.config import check
from xlgap.data.sources import has_split
from xlgap.formats import write_jsonl
from xlgap.graph import graph_mapping
from xlgap.models.ladder import scratch_config
from xlgap.models.network import scratch_encoder
from xlgap.planning.figures import model_figures
from xlgap.planning.work import selection_work
from xlgap.stages import prepare as stage
from xlgap.stages.describe import settings
from xlgap.stages.fit import fit
from xlgap.stages.recipe import train_digest
from xlgap.stages.start import Start
from xlgap.stages.study import Study
from xlgap.tasks import get_task, task_names

TASKS = {"xnli": {"dev_rows": 7, "max_length": 32}, "udpos": {}}
MNLI = {"mnli": {"dev_rows": 5, "train_rows": 20}}
ARMS = {
    "direct_en": {"regime": "direct_en"},
    "direct_de": {"regime": "direct_tgt", "language": "de"},
    "inter_mnli": {"regime": "intermediate_en", "intermediate": ["mnli"]},
}


@pytest.fixture
def study(raw_real_study: Callable[..., dict]) -> Callable[..., Study]:
    def make(**xnli: Any) -> Study:
        tasks = {**TASKS, "xnli": {**TASKS["xnli"], **xnli}}
        models = {"nano": {"layers": 1, "width": 16, "heads": 2, "feed_forward": 32}}
        raw = raw_real_study(arms=ARMS, tasks=tasks, intermediate=MNLI, models=models)
        return Study(check(raw, Path("params.yaml")))

    return make


@pytest.fixture
def prepared(
    study: Callable[..., Study],
    release_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Study:
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLGAP_DATA", str(release_files))
    found = study()
    for name in ("mnli", "xnli", "udpos"):
        stage.prepare(found, name)
    return found


def cell(study: Study, key: str) -> Cell:
    return study.grid.cell(f"nano-{key}")


def test_who_has_own_dev_rows_is_trained_by_proxy_and_has_them_wherever_it_is() -> None:
    own = [task for task in map(get_task, task_names()) if task.own_dev]
    assert [task.name for task in own] == ["xnli"]
    for task in own:
        assert task.proxy_train is not None
        assert task.kind == get_task(task.proxy_train).kind
        assert all(has_split(task, "dev", source) for source in task.sources)  # type: ignore[arg-type]


def test_an_english_training_is_selected_on_xnli_and_no_other_is(study: Callable[..., Study]) -> None:
    found = {}
    for key in ("direct_en-xnli", "direct_de-xnli", "inter_mnli-udpos"):
        of = cell(study(), key)
        found[key] = [
            (*phase.tasks, phase.language, phase.selected_on, phase.select_language)
            for phase in (*of.arm.warm_phases, *of.phases)
        ]
    assert found == {
        "direct_en-xnli": [("mnli", "en", "xnli", "en")],
        "direct_de-xnli": [("mnli", "de", "mnli", "de")],
        "inter_mnli-udpos": [("mnli", "en", "mnli", "en"), ("udpos", "en", "udpos", "en")],
    }


def test_what_selects_must_be_free_of_test_items(study: Callable[..., Study]) -> None:
    assert Place("xnli", "dev", "en") in set(reads(cell(study(), "direct_en-xnli")))
    assert Place("xnli", "dev", "en") not in set(reads(cell(study(), "direct_de-xnli")))


def test_the_stage_of_a_cell_depends_on_the_rows_that_select_it(study: Callable[..., Study]) -> None:
    items = graph_mapping(study().params, root="..")["graph"]["finetune"]
    assert items["nano-direct_en-xnli"]["dev"] == "data/prepared/xnli/dev/en.jsonl"
    assert items["nano-direct_de-xnli"]["dev"] == "data/prepared/mnli/dev/de.jsonl"


def test_the_plan_counts_xnlis_dev_rows(study: Callable[..., Study]) -> None:
    params = study().params
    (phase,) = cell(study(), "direct_en-xnli").phases
    work = selection_work(phase, params, model_figures("nano", params))
    assert work.rows == 7 * params.train.evaluations


def test_a_run_says_what_selected_it(prepared: Study) -> None:
    found = settings(prepared, cell(prepared, "direct_en-xnli"))
    assert (found["dev_rows"], found["selected_on"]) == (7, "xnli")
    other = settings(prepared, cell(prepared, "direct_de-xnli"))
    assert "selected_on" not in other
    assert other["dev_rows"] == 5


def test_weights_depend_on_the_rows_that_select_and_on_how_they_are_read(
    prepared: Study, study: Callable[..., Study]
) -> None:
    def digests(of: Study) -> list[str]:
        keys = ("direct_en-xnli", "direct_de-xnli")
        return [train_digest(of, "nano", "start", cell(of, key).phases, 1) for key in keys]

    before = digests(prepared)
    assert digests(study(test_rows=3)) == before
    longer = digests(study(max_length=48))
    assert longer[0] != before[0]
    assert longer[1] == before[1]
    path = layout.rows("xnli", "dev", "en")
    write_jsonl(path, prepared.rows("xnli", "dev", "en")[1:])
    changed = digests(prepared)
    assert changed[0] != before[0]
    assert changed[1] == before[1]


class Silent:
    """An observer that nobody asks anything."""

    def on_start(self, step: int, *, steps: int) -> None: ...

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None: ...

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None: ...

    def on_event(self, name: str, sentence: str) -> None: ...

    def stop_requested(self) -> bool:
        return False


@pytest.mark.usefixtures("one_rank")
@pytest.mark.parametrize(("arm", "rows"), [("direct_en", 7), ("direct_de", 5)])
def test_every_evaluation_reads_the_rows_that_select(
    prepared: Study, tokenizer: Any, arm: str, rows: int
) -> None:
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=16, vocabulary=tokenizer.size, positions=128
    )
    seen: list[int] = []

    def count(module: Any, _: Any, inputs: dict[str, Any]) -> None:
        if not module.training:
            seen.append(sum(number for number, _ in inputs.get("runs") or ()))  # packed sequences

    def watched() -> Any:
        encoder = scratch_encoder(config, seed=0)
        encoder.register_forward_pre_hook(count, with_kwargs=True)
        return encoder

    phases = cell(prepared, f"{arm}-xnli").phases
    start = Start("s", watched, tokenizer, {})
    fitted = fit(prepared, "nano", start, phases, seed=1, observer=Silent())
    predicted = [number for number in seen if number > 1]  # one or none: an encoder that is being made
    assert predicted == [rows] * prepared.params.train.evaluations
    assert fitted.phases[0].get("select_task") == ("xnli" if arm == "direct_en" else None)


def test_a_study_without_english_arms_is_a_grid_all_the_same(
    raw_real_study: Callable[..., dict],
) -> None:
    raw = raw_real_study(arms={"direct_de": ARMS["direct_de"]}, tasks={"xnli": {}}, intermediate=MNLI)
    cells = grid(check(raw, Path("params.yaml"))).cells
    assert {phase.select_task for found in cells for phase in found.phases} == {None}
