"""Runs that MLflow lacks, rebuilt from the outs of a finished study."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from xlgap import layout
from xlgap.alone import alone
from xlgap.errors import XlgapError
from xlgap.formats import write_json, write_jsonl, write_text
from xlgap.stages.analyse import analyse, report
from xlgap.stages.identity import run_digest
from xlgap.stages.restore import restore
from xlgap.stages.score import score
from xlgap.stages.study import Study
from xlgap.stages.summary import store_lines
from xlgap.stages.track import open_tracker
from xlgap.tracking.store import initialise, write_back

TAGS = [["B-LOC", "O"], ["O", "O", "B-CUR"], ["B-LOC", "I-LOC", "O", "O"]]
CELL = "nano-direct_en-lab_ner"
MODEL = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}
SIZE = {
    "total": 100, "nonembedding": 80, "trainable": 100, "input_embedding": 20, "output_embedding": 0,
    "position_embedding": 0, "per_component": {"embeddings": 20, "encoder.layer": 80},
    "tied": None, "layers": 2, "d_model": 32, "d_ff": 64, "heads": 2, "vocabulary": 9, "positions": 64,
}  # fmt: skip
PHASE = {"tokens": 90, "padded_tokens": 100, "pairs": 900, "padded_pairs": 1000, "steps": 7}


def lay_out(seeds: list[int]) -> None:
    """The outs of the one cell, as prepare and finetune leave them."""
    rows = [
        {"id": f"i{n}", "group": str(n), "tokens": ["w"] * len(tags), "tags": tags}
        for n, tags in enumerate(TAGS)
    ]
    write_jsonl(layout.rows("lab_ner", "test", "en"), rows)
    one = {"rows": len(rows), "sha256": "0123456789abcdef0123", "origin": {"generator": "lab"}}
    manifest = {
        "task": "lab_ner", "source": "lab", "licence": "ours", "citation": "us",
        "noncommercial": False, "splits": {split: {"en": one} for split in ("train", "dev", "test")},
    }  # fmt: skip
    write_json(layout.prepared("lab_ner") / "manifest.json", manifest)
    folder = layout.predictions("lab_ner", "nano", "direct_en")
    facts: list[dict[str, Any]] = []
    for seed in seeds:
        found = [{"id": f"i{n}", "tags": ["O"] * len(tags)} for n, tags in enumerate(TAGS)]
        write_jsonl(folder / f"seed{seed}" / "en.jsonl", found)
        facts.append(
            {
                "seed": seed, "digest": f"trained{seed}", "start": "s", "tokenizer": "t",
                "phases": [PHASE], "size": SIZE | {"total": 110}, "encoder": SIZE,
                "pretrained_tokens": 5,
            }
        )  # fmt: skip
    write_json(folder / "cell.json", {"seeds": facts})


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without a run: making its tables takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    initialise(f"sqlite:///{path}")
    write_back(f"sqlite:///{path}")
    return path


@pytest.fixture
def toy(
    raw_study: Callable[..., dict[str, Any]],
    empty: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Study:
    """A study of one cell and two seeds, done up to its report."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    shutil.copy(empty, "mlflow.db")
    (tmp_path / ".dvc").mkdir()
    raw: dict[str, Any] = {
        "study": {"name": "toy", "source": "lab", "seeds": [1, 2]},
        "models": {"nano": MODEL},
        "languages": {"evaluation": ["en"], "pretraining": ["en"]},
        "tasks": {"lab_ner": {}},
        "intermediate": {},
        "analysis": {"resamples": 40},
    }
    write_text(layout.PARAMS, yaml.safe_dump(raw_study(**raw)))
    return finished(Study.here())


def finished(study: Study) -> Study:
    lay_out([1, 2])
    score(study, "lab_ner")
    analyse(study)
    report(study)
    return study


@pytest.fixture
def forget(toy: Study, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study has another store, which knows nothing of it."""
    shutil.copy(empty, "other.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path().resolve()}/other.db")


def the_client() -> MlflowClient:
    return MlflowClient(os.environ["MLFLOW_TRACKING_URI"])


def runs() -> dict[str, Run]:
    client = the_client()
    (experiment,) = client.search_experiments(filter_string="name = 'xlgap/toy'")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


@pytest.mark.usefixtures("forget")
def test_a_store_that_was_lost_is_rebuilt_from_outs(toy: Study) -> None:
    assert restore(toy) == 4
    found = runs()
    assert found.keys() == {f"{CELL} seed 1", f"{CELL} seed 2", "study toy", "nano"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert {run.data.tags["xlgap.restored"] for run in found.values()} == {"true"}
    one = found[f"{CELL} seed 2"]
    cell = toy.grid.cell(CELL)
    assert one.data.tags["xlgap.digest"] == run_digest(toy, cell, 2, trained="trained2")
    assert one.data.tags["xlgap.kind"] == "cell"
    assert one.data.tags["xlgap.model"] == "nano"
    assert "xlgap.git_sha" not in one.data.tags  # what produced it is not known
    assert one.data.params["train_digest"] == "trained2"
    assert one.data.params["evaluation.max_length"] == "64"
    assert one.data.metrics["params_head"] == 10
    assert one.data.metrics["token_accuracy_mean"] == one.data.metrics["token_accuracy_en"]
    assert one.data.metrics["token_accuracy_mean"] == pytest.approx(100 * 5 / 9)
    assert {i.dataset.name for i in one.inputs.dataset_inputs} == {
        "lab_ner/train/en",
        "lab_ner/test/en",
    }
    client = the_client()
    assert [a.path for a in client.list_artifacts(one.info.run_id, "predictions")] == [
        "predictions/en.jsonl"
    ]
    assert restore(toy) == 0


@pytest.mark.usefixtures("forget")
def test_what_is_there_stays_as_it_is(toy: Study) -> None:
    restore(toy)
    client = the_client()
    before = runs()
    client.delete_run(before.pop(f"{CELL} seed 1").info.run_id)
    client.delete_run(before.pop("nano").info.run_id)
    assert restore(toy) == 2
    after = runs()
    assert after[f"{CELL} seed 2"].to_dictionary() == before[f"{CELL} seed 2"].to_dictionary()
    assert {f"{CELL} seed 1", "nano"} <= after.keys()


@pytest.mark.usefixtures("forget")
def test_the_store_that_a_study_ends_with_has_its_runs(toy: Study) -> None:
    store = f"MLflow store: {os.environ['MLFLOW_TRACKING_URI']}   (make ui)"
    first, second = store_lines(Path()), store_lines(Path())
    assert first == [store, "              4 runs it lacked rebuilt from results"]
    assert second == [store]
    assert len(runs()) == 4


@pytest.mark.usefixtures("forget")
def test_the_next_run_brings_them_where_it_has_begun(
    toy: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that waited for the end of this one has its turn at once."""
    store = f"MLflow store: {os.environ['MLFLOW_TRACKING_URI']}   (make ui)"
    with alone(Path()):
        assert store_lines(Path()) == [store]
    said = capsys.readouterr().err
    assert said.startswith("note: another run of the study in ")
    assert said.endswith("It brings all runs of the study to MLflow at its end.\n")
    assert store_lines(Path())[0] == store
    assert len(runs()) == 4


def test_a_run_that_has_scores_alone_gets_the_rest(toy: Study) -> None:
    """So ``score`` leaves them where the store was lost and a stage of the same task ran again."""
    assert "train_digest" not in runs()[f"{CELL} seed 1"].data.params
    assert restore(toy) == 2
    assert runs()[f"{CELL} seed 1"].data.params["train_digest"] == "trained1"
    assert restore(toy) == 0


def test_a_run_whose_outs_came_back_is_the_current_one_again(toy: Study) -> None:
    restore(toy)
    first, name = runs()[f"{CELL} seed 1"].info.run_id, f"{CELL} seed 1"
    with open_tracker(toy, name=name, digest="of other settings", kind="cell"):
        pass
    client = the_client()
    assert "xlgap.superseded" in client.get_run(first).data.tags
    assert restore(toy) == 0
    assert "xlgap.superseded" not in client.get_run(first).data.tags


def test_figures_of_another_state_of_the_outs_are_written_again(toy: Study) -> None:
    """As after a change that was taken back: DVC restores the outs, the store has the later figures."""
    restore(toy)
    right = runs()
    changed = layout.scores("lab_ner").read_bytes()
    lay_out_other = [["O"] * 2, ["O"] * 3, ["O"] * 4]
    for seed in (1, 2):
        folder = layout.predictions("lab_ner", "nano", "direct_en") / f"seed{seed}"
        wrong = [{"id": f"i{n}", "tags": tags} for n, tags in enumerate(lay_out_other)]
        wrong[0]["tags"] = ["B-LOC", "O"]
        write_jsonl(folder / "en.jsonl", wrong)
    score(toy, "lab_ner")
    assert layout.scores("lab_ner").read_bytes() != changed
    name = f"{CELL} seed 1"
    later = runs()[name].data.metrics["token_accuracy_en"]
    assert later != right[name].data.metrics["token_accuracy_en"]
    lay_out([1, 2])
    layout.scores("lab_ner").write_bytes(changed)
    assert restore(toy) == 0  # none is lacking
    assert runs()[name].data.metrics == right[name].data.metrics


def test_the_charts_of_another_state_are_drawn_again(toy: Study) -> None:
    restore(toy)
    before = {name: run.info.run_id for name, run in runs().items()}
    the_client().set_tag(before["nano"], "xlgap.content", "of another analysis")
    the_client().log_metric(before["nano"], "gap_that_is_gone", 1.0)
    assert restore(toy) == 1
    after = runs()
    assert "gap_that_is_gone" not in after["nano"].data.metrics
    assert after["study toy"].info.run_id == before["study toy"]
    assert restore(toy) == 0


def test_what_runs_here_again_is_no_longer_restored(toy: Study) -> None:
    restore(toy)
    name, digest = f"{CELL} seed 1", runs()[f"{CELL} seed 1"].data.tags["xlgap.digest"]
    with open_tracker(toy, name=name, digest=digest, kind="cell", origin=None):
        pass
    assert runs()[name].data.tags["xlgap.restored"] == "true"
    with open_tracker(toy, name=name, digest=digest, kind="cell"):
        pass
    assert "xlgap.restored" not in runs()[name].data.tags
    assert "xlgap.host" in runs()[name].data.tags


def test_an_experiment_that_was_deleted_is_one_sentence(toy: Study) -> None:
    client = the_client()
    experiment = client.get_experiment_by_name("xlgap/toy").experiment_id
    client.delete_experiment(experiment)
    with pytest.raises(XlgapError, match=f"restore --experiment-id {experiment}"):
        restore(toy)


def test_the_report_has_the_leaks_that_the_gate_let_pass(toy: Study) -> None:
    known = {"train": "lab_nli", "split": "train", "test": "lab_ner", "reason": "They share a page."}
    write_json(layout.LEAKAGE, {"known": [{**known, "items": {"de": 2}, "pairs": 3}]})
    analyse(toy)
    report(toy)
    page = (layout.REPORT / "index.html").read_text()
    assert "<td>lab_nli/train</td><td>lab_ner</td><td>de 2</td>" in page
    assert "They share a page." in page


@pytest.mark.usefixtures("toy")
def test_the_report_is_kept_with_the_study_s_run() -> None:
    client, run = the_client(), runs()["study toy"].info.run_id

    def below(path: str | None = None) -> set[str]:
        found = client.list_artifacts(run, path)
        return {a.path for a in found if not a.is_dir}.union(
            *(below(a.path) for a in found if a.is_dir)
        )

    written = {p.relative_to(layout.REPORT).as_posix() for p in layout.REPORT.rglob("*") if p.is_file()}
    assert below() == written
    assert {Path(name).suffix for name in written} >= {".html", ".json", ".csv", ".tex", ".svg", ".png"}
