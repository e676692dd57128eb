"""Earlier tasks scored again, through DVC: what is written, and that nothing is trained for it."""

import copy
import csv
import json
import shutil
import subprocess
import time

import pandas as pd
import pytest
from checkout import STUDY, Checkout

pytestmark = pytest.mark.e2e


def _study():
    study = copy.deepcopy(STUDY)
    study["study"]["name"] = "again"
    study["models"] = {"one": STUDY["models"]["one"]}
    study["arms"] = {name: STUDY["arms"][name] for name in ("direct_en", "inter_en")}
    study["arms"]["seq"] = {"regime": "sequential", "intermediate": ["lab_typing", "lab_order"]}
    study["intermediate"]["lab_order"] = STUDY["intermediate"]["lab_typing"]
    study["tasks"] = {"lab_nli": STUDY["tasks"]["lab_nli"]}
    return study


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """A study that is finished, then asked for retention and run again."""
    made = Checkout.make(tmp_path_factory.mktemp("again") / "checkout", _study())
    made.xlgap("run")
    made.weights = _times(made)
    study = made.params
    study["evaluation"]["retention"] = {"rows": 10, "probe_rows": 24, "mlm_lines": 12}
    made.write_params(study)
    made.xlgap("graph")
    made.wanted = made.stale()
    made.said = made.xlgap("run")
    return made


def _times(made):
    return {path: path.stat().st_mtime_ns for path in (made.folder / "weights").rglob("*.safetensors")}


def _scores(made):
    path = made.folder / "results" / "retention" / "lab_nli" / "one-inter_en" / "scores.csv"
    return list(csv.DictReader(path.open()))


def test_turning_it_on_trains_nothing(again):
    assert again.weights
    assert _times(again) == again.weights
    assert not {name for name in again.wanted if name.startswith(("pretrain", "warmstart", "finetune"))}


def test_every_head_is_scored_after_each_phase_in_each_language(again):
    found = {(s["task"], s["head"], int(s["phase"]), s["language"]) for s in _scores(again)}
    codes = ("en", "de")
    kept = {("lab_typing", "kept", phase, code) for phase in (1, 2) for code in codes}
    probes = {("lab_typing", "probe", phase, code) for phase in (0, 1, 2) for code in codes}
    untrained = {("lab_typing", "untrained", 0, code) for code in codes}
    masked = {("mlm", "kept", phase, code) for phase in (0, 1, 2) for code in codes}
    assert found == kept | probes | untrained | masked
    assert {s["after"] for s in _scores(again) if s["phase"] == "2"} == {"lab_nli[en]"}
    assert {s["split"] for s in _scores(again) if s["task"] == "lab_typing"} == {"test"}


def test_a_sequential_arm_goes_on_from_what_another_has_trained(again):
    """Trainings: typing, then order; nli from pretraining, after typing, after both. No sixth."""
    assert len(again.weights) == 5
    path = again.folder / "results" / "retention" / "lab_nli" / "one-seq" / "scores.csv"
    found = [s for s in csv.DictReader(path.open()) if s["head"] == "kept" and s["language"] == "en"]
    phases = {(s["task"], int(s["own"]), int(s["phase"])) for s in found}
    typing = {("lab_typing", 1, phase) for phase in (1, 2, 3)}
    order = {("lab_order", 2, phase) for phase in (2, 3)}
    assert phases == typing | order | {("mlm", 0, phase) for phase in range(4)}
    single = next(s for s in _scores(again) if (s["head"], s["phase"]) == ("kept", "1"))
    before = next(s for s in found if (s["task"], s["phase"]) == ("lab_typing", "1"))
    assert single["value"] == before["value"]


def test_scores_are_those_of_the_items(again):
    path = again.folder / "results" / "retention" / "lab_nli" / "one-inter_en" / "items.parquet"
    items = pd.read_parquet(path)
    for score in _scores(again):
        kept = items
        for name in ("task", "language", "head"):
            kept = kept[kept[name] == score[name]]
        kept = kept[kept["phase"] == int(score["phase"])]
        factor = 1 if score["task"] == "mlm" else 100
        assert factor * kept["s0"].sum() / kept["s1"].sum() == pytest.approx(float(score["value"]))


def test_a_second_run_does_nothing(again):
    assert again.stale() == set()


def test_turning_it_off_again_removes_what_it_left(again, tmp_path):
    made = again.copy(tmp_path / "checkout")
    study = made.params
    del study["evaluation"]["retention"]
    made.write_params(study)
    made.xlgap("graph")
    assert not (made.folder / "results" / "retention" / "lab_nli").exists()
    assert not (made.folder / "data" / "heldout").exists()


def test_after_a_stop_it_goes_on_with_the_parts_that_are_not_there(again, tmp_path):
    made = again.copy(tmp_path / "checkout")
    place = made.folder / "results" / "retention" / "lab_nli" / "one-seq" / "scores.csv"
    whole = place.read_text()
    shutil.rmtree(place.parent)
    words = ["xlgap", "retention", "one", "seq", "lab_nli"]
    process = subprocess.Popen(words, cwd=made.folder, env=made.environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 240
    while not (parts := sorted((made.folder / "scratch").glob("*/phase*/scores.json"))):
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    assert "what is scored is kept, run the same command again to go on." in said
    assert not place.exists()
    scores = json.loads(parts[0].read_text())
    scores[0]["value"] = 12.34375  # what is there is not computed again
    parts[0].write_text(json.dumps(scores))
    made.xlgap(*words[1:])
    old, new = whole.splitlines(), place.read_text().splitlines()
    (other,) = [line for before, line in zip(old, new, strict=True) if before != line]
    assert ",12.34375," in other
    assert not any((made.folder / "scratch").glob("*/phase*"))
