"""Wrong input ends with one clear sentence and a non-zero code: no traceback, nothing half-written."""

import lzma
import socket

import pytest
from checkout import STUDY

pytestmark = pytest.mark.e2e


def refused(checkout, *words, **environment):
    """The one sentence that a command ends with."""
    done = checkout.xlgap(*words, check=False, **environment)
    said = done.stderr.strip()
    assert done.returncode == 2, said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1, said
    assert said.startswith("error: ")
    assert said.endswith((".", "?"))
    left = [p for name in ("data", "models", "results", "report") for p in checkout.folder.glob(name)]
    assert not [p for top in left for p in top.rglob("*") if p.is_file()]
    return said


def with_study(checkout, **changes):
    checkout.write_params({**checkout.params, **changes})


@pytest.mark.parametrize("command", [["plan"], ["graph"], ["prepare", "lab_nli"]])
def test_a_wrong_key_is_named_with_its_near_match(here, command):
    here.write_params({**here.params, "modles": here.params["models"]})
    said = refused(here, *command)
    assert "unknown key 'modles'" in said
    assert "did you mean 'models'?" in said


def test_a_wrong_value_says_what_is_allowed(here):
    with_study(here, train={**STUDY["train"], "zero_stage": 4})
    said = refused(here, "plan")
    assert "train.zero_stage" in said
    assert "4" in said
    assert "0, 1, 2, 3 or 'auto'" in said


def test_an_unknown_model_arm_task_and_regime(here):
    assert "unknown model 'tow'; did you mean 'two'?" in refused(here, "pretrain", "tow")
    assert "unknown arm" in refused(here, "warmstart", "two", "direct_eng")
    assert "unknown cell" in refused(here, "finetune", "two", "direct_en", "lab_nil")
    assert "unknown task 'lab_nil'" in refused(here, "prepare", "lab_nil")
    with_study(here, arms={"a": {"regime": "direct_eng"}})
    assert "unknown regime 'direct_eng'; did you mean 'direct_en'" in refused(here, "plan")


def test_a_stage_before_its_time_says_what_to_run(here):
    assert "dvc repro corpus" in refused(here, "pretrain", "two")
    assert "dvc repro pretrain@two" in refused(here, "warmstart", "two", "inter_en")
    assert "cells of the grid have no result" in refused(here, "score", "lab_nli")
    assert "analyse" in refused(here, "report")
    assert "dvc repro prepare@lab_nli" in refused(here, "validate", "lab_nli")
    assert "dvc repro prepare@lab_" in refused(here, "index")


def test_a_damaged_lock_file(here):
    (here.folder / "dvc.lock").write_text("{{{ nope")
    done = here.xlgap("run", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "'dvc.lock'" in done.stderr
    assert "or remove dvc.lock" in done.stderr


RELEASE = {
    "study": {"name": "real", "source": "release", "seeds": [1]},
    "languages": {"evaluation": ["en", "de"], "pretraining": ["en", "de"]},
    "arms": {"direct_en": {"regime": "direct_en"}},
    "tasks": {"udpos": {"max_length": 64}, "xnli": {"max_length": 64}},
    "intermediate": {"mnli": {"max_length": 64}},
}


def with_release(checkout, folder):
    """The study on the release files in ``folder``."""
    with_study(checkout, **RELEASE)
    checkout.xlgap("graph", XLGAP_DATA=str(folder))


@pytest.mark.parametrize("command", [["prepare", "udpos"], ["corpus"], ["run"]])
def test_a_missing_data_directory(here, command):
    with_study(here, **RELEASE)
    here.xlgap("graph")
    assert "XLGAP_DATA names, but it is not set" in refused(here, *command)
    said = refused(here, *command, XLGAP_DATA="/nowhere/at/all")
    assert "/nowhere/at/all: no such directory" in said


def test_a_graph_of_other_parameters_or_files(here, release_files):
    with_study(
        here, languages={"evaluation": ["en"], "pretraining": ["en", "de"]}, arms=RELEASE["arms"]
    )
    assert "before params.yaml changed; run 'make graph'" in refused(here, "prepare", "lab_nli")
    with_release(here, release_files)
    path = release_files / "xtreme_r/udpos/test-de.tsv"
    path.write_text(path.read_text().replace("NOUN", "VERB"))
    said = refused(here, "prepare", "udpos", XLGAP_DATA=str(release_files))
    assert "the files below XLGAP_DATA changed; run 'make graph'" in said


def test_the_flow_by_itself_refuses_such_a_graph(here):
    here.xlgap("graph")
    with_study(here, arms=RELEASE["arms"])
    done = here.run("python", "flows/grid.py", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: graph.yaml was made before params.yaml changed")
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_file(here, release_files):
    (release_files / "xtreme_r/udpos/test-de.tsv").unlink()
    with_release(here, release_files)
    assert "test-de.tsv" in refused(here, "prepare", "udpos", XLGAP_DATA=str(release_files))


def test_a_truncated_file(here, release_files):
    path = release_files / "xtreme_r/udpos/test-de.tsv"
    packed = lzma.compress(path.read_bytes())
    path.unlink()
    path.with_name(path.name + ".xz").write_bytes(packed[: len(packed) // 2])
    with_release(here, release_files)
    said = refused(here, "prepare", "udpos", XLGAP_DATA=str(release_files))
    assert "test-de.tsv.xz" in said
    assert "truncated" in said


def test_a_file_cut_off_within_a_line_leaves_nothing_prepared(here, release_files):
    path = release_files / "xtreme_r/udpos/test-de.tsv"
    text = path.read_text()
    path.write_text(text[: text.rindex("\t")])
    with_release(here, release_files)
    said = refused(here, "prepare", "udpos", XLGAP_DATA=str(release_files))
    line = text[: text.rindex("\t")].count("\n") + 1
    assert f"{path}, line {line}: expected 2 tab-separated columns" in said
    assert not (here.folder / "data/prepared/udpos").exists()


def test_a_label_outside_the_set(here, release_files):
    path = release_files / "xtreme_r/xnli/test-de.tsv"
    path.write_text(path.read_text().replace("neutral", "netural"))
    with_release(here, release_files)
    said = refused(here, "prepare", "xnli", XLGAP_DATA=str(release_files))
    assert "test-de.tsv" in said
    assert "netural" in said
    assert "entailment" in said


def test_a_wrong_study_file_and_process_count(here):
    assert "no such study file" in refused(here, "plan", "--study", "studies/none.yaml")
    assert "no such study file" in refused(here, "plan", "--study", "/etc/passwd")
    assert "a directory, not a study file" in refused(here, "plan", "--study", ".dvc")
    assert "XLGAP_PROCESSES" in refused(here, "pretrain", "two", XLGAP_PROCESSES="many")


def test_gaps_that_match_nothing_and_no_worker(here):
    assert "run the study first" in refused(here, "gaps")
    said = refused(here, "gaps", "--source", "published", "--model", "zzz*")
    assert "no published gap matches" in said
    assert "zzz*" in said
    assert "--workers: got 0" in refused(here, "run", "--workers", "0")
    assert "--workers: got 0" in refused(here, "plan", "--workers", "0")


def test_languages_and_names_that_no_stage_could_use(here):
    with_study(here, languages={"evaluation": ["en", "ht"], "pretraining": ["en"]})
    said = refused(here, "prepare", "lab_nli")
    assert "no task of the study has test data in 'ht'" in said
    with_study(here, languages=STUDY["languages"], models={"a" * 300: STUDY["models"]["one"]})
    assert "at most 64 letters" in refused(here, "plan")


def test_a_partial_report_without_a_stage_that_there_is_not(here):
    here.xlgap("graph")
    said = refused(here, "report", "--partial", "finetune@two-direct_en-lab_nil")
    assert "did you mean 'finetune@two-direct_en-lab_nli'" in said


def test_a_model_that_no_memory_holds(here):
    with_study(here, models={"a": {**STUDY["models"]["two"], "width": 10**9}})
    here.xlgap("graph")
    said = refused(here, "pretrain", "a")
    assert "model 'a' has" in said
    assert "of memory; make 'models.a' smaller." in said


def test_a_params_file_is_the_study_of_its_directory(here):
    default, named = (
        here.xlgap("plan", "--json", *words) for words in ([], ["--study", "params.yaml"])
    )
    assert default.stdout == named.stdout
    assert not (here.folder / "params").exists()


def test_a_port_that_cannot_be_used(here):
    assert "--port: got 65536, allowed is 1 to 65535" in refused(here, "ui", "--port", "65536")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"--port: {port} cannot be used (Address already in use)" in refused(
            here, "ui", "--port", port
        )


def test_a_server_that_does_not_start_is_no_success(here):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    done = here.xlgap("ui", "--port", port, check=False, UVICORN_LOOP="none such")
    assert done.returncode == 2
    assert done.stderr.strip().endswith(
        "error: the MLflow UI has ended by itself; what it said last stands above."
    )


@pytest.mark.parametrize("command", [["run"], ["ui"]])
def test_a_tracking_server_that_is_none(here, command):
    assert "got a path" in refused(here, *command, MLFLOW_TRACKING_URI="./mlruns")
    assert not (here.folder / "mlruns").exists()
