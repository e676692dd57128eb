"""Best-of cells: chosen by English dev, never by test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from xlgap import layout
from xlgap.config import Params
from xlgap.errors import ConfigError, DataError, ResultError, UnknownNameError
from xlgap.formats import dir_digest, read_json, write_json, write_jsonl
from xlgap.stages.choose import choose, dev_scores
from xlgap.stages.finetune import trained_cell
from xlgap.stages.study import Study, predictions, stage_of

SIZE = {
    "total": 100, "nonembedding": 80, "trainable": 100, "input_embedding": 20, "output_embedding": 0,
    "position_embedding": 0, "per_component": {"embeddings": 20, "encoder.layer": 80},
    "tied": None, "layers": 2, "d_model": 32, "d_ff": 64, "heads": 2, "vocabulary": 9, "positions": 64,
}  # fmt: skip
ARMS = {
    "typing": {"regime": "intermediate_en", "intermediate": ["lab_typing"]},
    "compare": {"regime": "intermediate_en", "intermediate": ["lab_compare"]},
    "order": {"regime": "intermediate_en", "intermediate": ["lab_order"]},
    "best": {"regime": "best_of", "choices": ["typing", "compare", "order"]},
}
KEPT = {"typing": (50.0, 60.0), "compare": (70.0, 62.0), "order": (90.0, 40.0)}  # by seed, on dev
RIGHT = {"typing": 3, "compare": 0, "order": 1}  # of three test items: the other way round
LABELS = ["entailment", "neutral", "contradiction"]


def phase(dev: list[list[float]], best: int) -> dict[str, Any]:
    return {
        "tasks": ["lab_nli"], "language": "en", "select_language": "en", "steps": 9, "dev": dev,
        "best_step": best, "tokens": 9, "padded_tokens": 10, "pairs": 9, "padded_pairs": 10,
    }  # fmt: skip


def lay_out(kept: dict[str, tuple[float, ...]] = KEPT) -> None:
    """Prepared rows and the three choices: whichever is better on dev is worse on test."""
    rows = [
        {"id": f"i{n}", "group": str(n), "text": f"a {n}", "text_b": f"b {n}", "label": label}
        for n, label in enumerate(LABELS)
    ]
    one = {"en": {"rows": 3, "sha256": "0" * 64}}
    for task in ("lab_nli", "lab_typing", "lab_compare", "lab_order"):
        splits = dict.fromkeys(("train", "dev", "test"), one)
        write_json(layout.prepared(task) / "manifest.json", {"splits": splits})
    write_jsonl(layout.rows("lab_nli", "test", "en"), rows)
    for arm, of_seeds in kept.items():
        folder = layout.predictions("lab_nli", "nano", arm)
        seeds = []
        for seed, score in enumerate(of_seeds, 1):
            # the last evaluation is another one than the checkpoint's
            dev = [[3, score], [9, score - 1]]
            found = [
                {"id": row["id"], "label": row["label"] if n < RIGHT[arm] else LABELS[n - 1]}
                for n, row in enumerate(rows)
            ]
            write_jsonl(folder / f"seed{seed}" / "en.jsonl", found)
            seeds.append({"seed": seed, "digest": f"{arm}{seed}", "start": "s", "tokenizer": "t",
                          "phases": [phase(dev, 3)], "size": SIZE, "encoder": SIZE,
                          "pretrained_tokens": 100})  # fmt: skip
        write_json(
            folder / "cell.json",
            {
                "model": "nano", "arm": arm, "regime": "intermediate_en", "train_language": "en",
                "task": "lab_nli", "trained_on": "lab_nli", "seeds": seeds,
            },
        )  # fmt: skip


@pytest.fixture
def toy(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / ".dvc").mkdir()
    return Study(
        study(
            study={"name": "toy", "source": "lab", "seeds": [1, 2]},
            models={"nano": {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}},
            languages={"evaluation": ["en"], "pretraining": ["en"]},
            arms=ARMS,
            tasks={"lab_nli": {}},
            intermediate={"lab_typing": {}, "lab_compare": {}, "lab_order": {}},
        )
    )


def test_the_best_on_dev_is_chosen_whatever_test_says(toy: Study) -> None:
    lay_out()
    for path in layout.rows("lab_nli", "test", "en").parent.glob("*"):
        path.unlink()  # it cannot look
    choose(toy, "lab_nli")
    cell = toy.grid.cell("nano-best-lab_nli")
    assert predictions(cell) == Path("results/chosen/lab_nli/nano-best")
    facts = read_json(predictions(cell) / "cell.json")
    assert (facts["chosen"], facts["chosen_cell"]) == ("compare", "nano-compare-lab_nli")
    assert (facts["arm"], facts["regime"]) == ("best", "best_of")
    assert facts["chosen_on"] == "lab_nli/dev/en"
    assert facts["dev"] == {
        arm: {"mean": sum(kept) / 2, "seeds": {"1": kept[0], "2": kept[1]}}
        for arm, kept in KEPT.items()
    }
    assert [(seed["seed"], seed["digest"]) for seed in facts["seeds"]] == [
        (1, "compare1"), (2, "compare2"),
    ]  # fmt: skip
    for seed in ("seed1", "seed2"):
        chosen = layout.predictions("lab_nli", "nano", "compare") / seed
        assert dir_digest(predictions(cell) / seed) == dir_digest(chosen)


def test_of_equal_ones_it_is_the_first_in_the_order_given(toy: Study) -> None:
    lay_out({"order": (60.0, 60.0), "typing": (50.0, 70.0), "compare": (60.0, 60.0)})
    choose(toy, "lab_nli")
    assert read_json(layout.chosen("lab_nli", "nano", "best") / "cell.json")["chosen"] == "typing"


def test_the_run_says_what_was_chosen(toy: Study, tmp_path: Path) -> None:
    lay_out()
    choose(toy, "lab_nli")
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'xlgap/toy'")
    found = client.search_runs([experiment.experiment_id])
    assert {run.info.run_name for run in found} == {f"nano-best-lab_nli seed {k}" for k in (1, 2)}
    for run in found:
        assert run.data.params["chosen"] == "compare"
        assert run.data.params["regime"] == "best_of"
        assert run.data.params["intermediate"] == "lab_compare"
        assert "lab_compare.learning_rate" in run.data.params
    assert toy.trained(toy.grid.cell("nano-best-lab_nli")).keys() == {1, 2}


def test_a_choice_without_predictions_or_dev_scores_is_told(toy: Study) -> None:
    lay_out({name: KEPT[name] for name in ("typing", "order")})
    with pytest.raises(ResultError, match="nano-compare-lab_nli"):
        choose(toy, "lab_nli")
    assert not layout.CHOSEN.exists() or not any(layout.CHOSEN.iterdir())
    lay_out()
    path = layout.predictions("lab_nli", "nano", "order") / "cell.json"
    facts = read_json(path)
    facts["seeds"][1]["phases"][-1]["dev"] = []
    write_json(path, facts)
    with pytest.raises(ResultError, match=r"nano-order-lab_nli, seed 2: no dev score"):
        choose(toy, "lab_nli")
    write_json(path, {"seeds": 3})
    with pytest.raises(DataError, match="seeds must be a list"):
        choose(toy, "lab_nli")


def test_only_best_of_cells_are_chosen_and_only_others_trained(toy: Study) -> None:
    with pytest.raises(UnknownNameError, match="unknown task with a best-of cell"):
        choose(toy, "lab_typing")
    with pytest.raises(ConfigError, match="is chosen among typing, compare, order; run 'xlgap choose"):
        trained_cell(toy.grid, "nano-best-lab_nli")
    assert stage_of(toy.grid.cell("nano-best-lab_nli")) == "choose@lab_nli"
    assert stage_of(toy.grid.cell("nano-order-lab_nli")) == "finetune@nano-order-lab_nli"


def test_the_score_is_that_of_the_kept_checkpoint() -> None:
    seeds = [{"seed": 4, "phases": [phase([[1, 9.0]], 1), phase([[2, 30.0], [4, 20.0]], 4)]}]
    assert dev_scores({"seeds": seeds}, where="cell") == {4: 20.0}
