"""The tiny study, once through: what it leaves, and what makes which stages stale."""

import copy
import json
import re
import sqlite3

import pytest
import yaml

pytestmark = pytest.mark.e2e


def test_it_ends_with_report_store_and_wall_time(finished):
    report = finished.folder / "report" / "index.html"
    assert str(report) in finished.said
    assert "mlflow.db" in finished.said
    assert "wall time" in finished.said
    answers = json.loads((finished.folder / "report" / "answers.json").read_text())
    assert {a["question"] for a in answers} == {1, 2, 3, 4, 5}
    page = report.read_text()
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?https?://[^"')]*""", page)
    assert "<svg" in page


def test_a_second_run_does_nothing(finished):
    lock = (finished.folder / "dvc.lock").read_bytes()
    said = finished.xlgap("run")
    assert "up to date" in said.stdout + said.stderr
    assert (finished.folder / "dvc.lock").read_bytes() == lock
    assert finished.stale() == set()
    assert "up to date" in finished.dvc("status").stdout


def test_a_damaged_file_of_parameters_is_made_again(study):
    """Stages read single keys of files that other stages make; DVC cannot read a damaged one."""
    file = study.folder / "results" / "leakage.json"
    before, lock = file.read_bytes(), (study.folder / "dvc.lock").read_bytes()
    file.chmod(0o644)
    file.write_bytes(b"\xff" + before[1:])
    said = study.xlgap("run")
    assert " 0 failed" in said.stdout + said.stderr
    assert file.read_bytes() == before
    assert (study.folder / "dvc.lock").read_bytes() == lock


def test_every_cell_has_one_finished_run_with_size_and_scores(finished):
    with sqlite3.connect(finished.folder / "mlflow.db") as db:
        runs = db.execute(
            "select r.run_uuid, r.status, n.value from runs r join tags k on k.run_uuid = r.run_uuid "
            "and k.key = 'xlgap.kind' and k.value = 'cell' join tags n on n.run_uuid = r.run_uuid "
            "and n.key = 'mlflow.runName'"
        ).fetchall()
        found = {
            run: {
                key for (key,) in db.execute("select key from latest_metrics where run_uuid=?", [run])
            }
            for run, _, _ in runs
        }
    models, arms, tasks = (len(finished.params[k]) for k in ("models", "arms", "tasks"))
    assert len(runs) == models * arms * tasks
    assert {status for _, status, _ in runs} == {"FINISHED"}
    for metrics in found.values():
        assert {"params_total", "params_nonembedding", "train_loss", "dev_score"} <= metrics
        assert {"model_flops", "hardware_flops", "mfu", "hfu", "checkpoint_predicted_bytes"} <= metrics
        assert {"memory_predicted_bytes", "hours_predicted", "wall_seconds"} <= metrics
        assert any(name.endswith("_de") for name in metrics)


def test_a_store_that_was_lost_has_every_run_again(study):
    study.xlgap("clean")
    assert not list(study.folder.glob("mlflow.db*"))
    said = study.xlgap("run").stdout
    models, arms, tasks = (len(study.params[k]) for k in ("models", "arms", "tasks"))
    runs = models * arms * tasks + models + 1
    with sqlite3.connect(study.folder / "mlflow.db") as db:
        restored = "select count(*) from tags where key = 'xlgap.restored' and value = 'true'"
        assert db.execute(restored).fetchone() == (runs,)
    assert f"{runs} runs it lacked rebuilt" in said
    assert "rebuilt" not in study.xlgap("run").stdout


def test_a_new_model_runs_its_own_cells_and_what_depends_on_them(study):
    params = study.params
    params["models"]["three"] = {"layers": 1, "width": 24, "heads": 2, "feed_forward": 48}
    study.write_params(params)
    assert study.xlgap("graph", "--check", check=False).returncode != 0
    study.xlgap("graph")
    stale = study.stale()
    assert stale - READ_ALL_MODELS == {s for s in stale if "three" in s}
    assert stale >= READ_ALL_MODELS  # and report, once analyse has run
    assert {s for s in stale if s.startswith("finetune")} == {
        f"finetune@three-{arm}-{task}" for arm in params["arms"] for task in params["tasks"]
    }


READ_ALL_MODELS = {"score@lab_nli", "score@lab_ner", "analyse"}


def stages_of(model, params):
    """The warm starts and cells of a model."""
    warm = {f"warmstart@{model}-{a}" for a in params["arms"]}
    return warm | {f"finetune@{model}-{a}-{t}" for a in params["arms"] for t in params["tasks"]}


def test_a_factor_of_fine_tuning_reruns_what_is_fine_tuned_of_its_model(study):
    params = study.params
    params["models"]["two"]["finetune_scale"] = 2.0
    study.write_params(params)
    study.xlgap("graph", "--check")
    assert study.stale() == stages_of("two", params) | READ_ALL_MODELS


def test_what_pretraining_reads_of_a_model_pretrains_it_again(study):
    params = study.params
    params["models"]["two"]["learning_rate"] = 0.002
    study.write_params(params)
    study.xlgap("graph")
    assert study.stale() == {"pretrain@two", *stages_of("two", params)} | READ_ALL_MODELS


def test_pretraining_again_gives_the_same_bytes(study):
    folder = study.folder / "models" / "pretrained" / "two"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    study.xlgap("pretrain", "two")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_untrained_model_depends_on_how_it_is_drawn_alone(study):
    def digest(**changes):
        params = study.params
        params["models"]["two"]["pretrained"] = False
        params["pretrain"] |= changes
        study.write_params(params)
        study.xlgap("graph")
        study.xlgap("pretrain", "two")
        facts = study.folder / "models" / "pretrained" / "two" / "facts.json"
        return json.loads(facts.read_text())["digest"]

    first = digest()
    assert digest(tokens=40_000) == first
    assert digest(seed=1) != first


def test_a_removed_model_is_not_counted_and_its_metrics_differ_from_the_commit(study, tmp_path):
    params = study.params
    del params["models"]["one"]
    study.write_params(params)
    said = study.xlgap("graph").stderr
    assert "removed results/predictions/lab_ner/one-direct_en: no longer in the study." in said
    assert not [p for p in study.folder.glob("[rm]*/**/*") if p.name.startswith("one")]
    assert study.stale() == READ_ALL_MODELS
    study.dvc("repro")
    scores = (study.folder / "results" / "scores" / "lab_ner.csv").read_text()
    assert ",one," not in scores
    assert ",two," in scores
    changed = json.loads(study.dvc("metrics", "diff", "--json", "HEAD").stdout)
    (metrics,) = changed.values()
    gone = {name for name, values in metrics.items() if values["new"] is None}
    assert {name.split(".")[1] for name in gone if name.startswith("scores.")} == {"one"}
    assert "index.html" in study.dvc("plots", "diff", "--out", "plots", "HEAD").stdout
    assert (study.folder / "plots" / "index.html").is_file()
    study.commit("one model")
    assert "up to date" in cloned(study, tmp_path).dvc("status").stdout


def test_touching_a_task_file_reruns_its_preparation_and_no_cell(study):
    path = study.folder / "src" / "xlgap" / "tasks" / "lab_ner.py"
    path.write_text(path.read_text() + "\n# a remark\n")
    assert {"prepare@lab_ner", "validate@lab_ner"} <= study.stale()
    said = study.dvc("repro").stdout
    ran = {line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")}
    assert "prepare@lab_ner" in ran
    assert not {s for s in ran if s.startswith(("finetune", "warmstart", "pretrain"))}
    assert not {s for s in ran if s.endswith("lab_nli")}


def test_a_new_version_of_a_task_reruns_its_cells_alone(study):
    params = copy.deepcopy(study.params)
    params["tasks"]["lab_ner"]["version"] = 2
    study.write_params(params)
    stale = {s for s in study.stale() if s.startswith(("finetune", "warmstart", "pretrain"))}
    assert stale == {f"finetune@{m}-{a}-lab_ner" for m in params["models"] for a in params["arms"]}


@pytest.mark.parametrize("change", [{"train_rows": 72}, {"epochs": 2}])
def test_an_intermediate_task_stales_the_arms_that_use_it(study, change):
    params = study.params
    params["intermediate"]["lab_typing"] |= change
    study.write_params(params)
    study.dvc("repro", "prepare@lab_typing", "validate@lab_typing", "index")
    warm = {name for name in study.stale() if name.startswith("warmstart")}
    assert warm == {f"warmstart@{m}-{a}" for m in params["models"] for a in ("inter_en", "inter_de")}


def test_an_experiment_changes_a_number_and_keeps_the_commit(study):
    head = study.git("rev-parse", "HEAD")
    study.dvc("exp", "run", "-n", "fewer", "-S", "analysis.resamples=60")
    assert "fewer" in study.dvc("exp", "list").stdout
    assert study.params["analysis"]["resamples"] == 60
    assert study.git("rev-parse", "HEAD") == head


@pytest.mark.parametrize(
    "change",
    [
        "arms.inter_de.intermediate=[lab_ner]",
        "+models.three={layers: 1, width: 16, heads: 2, feed_forward: 32}",
        "models.two.layers=2",
    ],
)
def test_an_experiment_that_needs_another_graph_is_refused(study, change):
    done = study.dvc("exp", "run", "-n", "changed", "-S", change, check=False)
    assert done.returncode != 0
    assert "graph.yaml was made before params.yaml changed; run 'make graph'" in done.stderr
    assert "changed" not in study.dvc("exp", "list").stdout


def test_what_a_metric_is_made_of_scores_again(study):
    path = study.folder / "src" / "xlgap" / "evaluation" / "qa_normalise.py"
    path.write_text(path.read_text() + "\n# a remark\n")
    assert study.stale() == READ_ALL_MODELS


def cloned(study, folder):
    """A clone with the results, as they come from the remote."""
    study.dvc("push")
    study.run("git", "clone", "-q", str(study.folder), str(folder / "clone"))
    clone = type(study)(folder / "clone")
    clone.dvc("remote", "modify", "--local", "local", "url", str(study.folder / ".dvc" / "remote"))
    clone.dvc("pull")
    return clone


def test_results_go_to_the_remote_and_come_back(study, tmp_path):
    clone = cloned(study, tmp_path)
    for name in ("report/answers.json", "results/scores/lab_ner.csv"):
        assert (clone.folder / name).read_bytes() == (study.folder / name).read_bytes()
    assert "up to date" in clone.dvc("status").stdout


def test_the_graph_and_the_grid_have_the_same_cells(finished):
    listed = {line.split()[0] for line in finished.dvc("stage", "list").stdout.splitlines()}
    graph = yaml.safe_load((finished.folder / "graph.yaml").read_text())["graph"]
    assert {s for s in listed if s.startswith("finetune@")} == {
        f"finetune@{k}" for k in graph["finetune"]
    }
    params = finished.params
    assert set(graph["finetune"]) == {
        f"{m}-{a}-{t}" for m in params["models"] for a in params["arms"] for t in params["tasks"]
    }
