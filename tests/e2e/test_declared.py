"""What a stage reads of ``params.yaml`` is what ``dvc.yaml`` says it reads.

A stage's every other parameter is changed, as far as the study stays valid and what the stage declares
of ``graph.yaml`` stays the same: DVC would not run the stage again, so it must write the same bytes.
"""

import copy
import hashlib
import json
from pathlib import Path

import pytest
import yaml

from xlgap import layout
from xlgap.config import check
from xlgap.errors import XlgapError
from xlgap.formats import read_json
from xlgap.graph import graph_mapping
from xlgap.stages.prepare import index
from xlgap.stages.study import Study

pytestmark = pytest.mark.e2e

STAGES = {
    "prepare@lab_ner",
    "validate@lab_ner",
    "leakage",
    "corpus",
    "index",
    "pretrain@two",
    "warmstart@two-inter_de",
    "finetune@two-inter_en-lab_ner",
    "score@lab_ner",
    "analyse",
    "report",
}
WITHOUT_ITEMS = {"choose", "heldout", "retention", "translate"}
"""Of these the study has none: it asks for no best-of arm, no translation and no retention."""

# how a training is spread over memory and devices: equal results within float tolerance, see
# test_zero_stages; the lab is the only source of the study's tasks
UNCHANGED = {
    *(("train", name) for name in ("zero_stage", "offload_optimizer", "offload_parameters")),
    *(("train", name) for name in ("micro_batch_tokens", "threads")),
    ("study", "source"),
}


def declared(folder, name):
    """The command of a stage, its outs, and its parameters by file."""
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo

    with Repo(str(folder)) as repo:
        (stage,) = (s for s in repo.index.stages if s.addressing.rpartition(":")[2] == name)
        params = {}
        for dep in stage.deps:
            if isinstance(dep, ParamsDependency):
                params[dep.fs_path.rpartition("/")[2]] = [tuple(key.split(".")) for key in dep.params]
        return stage.cmd.split()[1:], [out.fs_path for out in stage.outs], params


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def at(mapping, path):
    for key in path:
        mapping = mapping[key]
    return mapping


def other(value):
    """A value of the same type, not the same."""
    words = {"fp32": "bf16", "mean": "cls", "all": "none", "de": "fr", "tiny": "small"}
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value // 2 or value + 1
    if isinstance(value, float):
        return value / 2 or 0.5
    if isinstance(value, list) and value and value[0] == "en":
        return [*value[::-1], "fr"]
    if isinstance(value, list):
        return [other(item) for item in value]
    return words.get(value, value)


def shown(raw, params):
    """What a stage declares of the files that are made of ``params.yaml``."""
    study = Study(check(raw, Path("params.yaml")))
    found = {"graph.yaml": graph_mapping(study.params, root=".")}
    if "index.json" in params:
        index(study)
        found["index.json"] = read_json(layout.INDEX)
    return [at(found[file], path) for file in found for path in params.get(file, [])]


def changed(raw, params):
    """``raw`` with what may change changed, and the paths of it."""
    mine = params.get("params.yaml", [])
    now, before, paths = raw, shown(raw, params), []
    for path, value in leaves(raw):
        if path in UNCHANGED or any(path[: len(m)] == m for m in mine) or other(value) == value:
            continue
        trial = copy.deepcopy(now)
        at(trial, path[:-1])[path[-1]] = other(value)
        try:
            same = shown(trial, params) == before
        except XlgapError:
            continue
        if same:
            now = trial
            paths.append(path)
    return now, paths


def digests(study, outs):
    files = [p for out in map(study.folder.__truediv__, outs) for p in ([out, *out.rglob("*")])]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.is_file()}


@pytest.mark.parametrize("name", sorted(STAGES))
def test_other_parameters_give_the_same_bytes(study, monkeypatch, name):
    monkeypatch.chdir(study.folder)
    command, outs, params = declared(study.folder, name)
    whole = check(study.params, Path("params.yaml")).model_dump_json(exclude_none=True)
    now, paths = changed(json.loads(whole), params)
    assert len(paths) > 10
    study.write_params(now)
    study.xlgap("graph")
    study.run("rm", "-rf", "weights", "scratch")
    before = digests(study, outs)
    study.xlgap(*command)
    assert digests(study, outs) == before, f"one of these was read: {paths}"


def test_every_family_of_stages_is_looked_at(finished):
    graph = yaml.safe_load((finished.folder / "dvc.yaml").read_text())
    items = yaml.safe_load((finished.folder / "graph.yaml").read_text())["graph"]
    assert not any(items[name] for name in WITHOUT_ITEMS)
    looked_at = {name.partition("@")[0] for name in STAGES}
    assert looked_at | WITHOUT_ITEMS == set(graph["stages"])
