"""Arms with translated intermediate tasks: cells, phases, graph, leakage gate, wrong inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from xlgap.cell import grid
from xlgap.checkout import model_place
from xlgap.checks.leakage import Leak, Place
from xlgap.checks.leakage_gate import original, reads
from xlgap.config import Params
from xlgap.errors import ConfigError
from xlgap.graph import graph_mapping
from xlgap.leftovers import remove_leftovers
from xlgap.planning import plan_study
from xlgap.tasks import get_task

BY_LAB = {"lab": True}
BY_FILE = {"file": "translations/{task}.{language}.jsonl"}
ROWS = {"train_rows": 64, "batch_rows": 16, "epochs": 1}


def arm(language: str = "sw", by: dict[str, Any] = BY_LAB, **fields: Any) -> dict[str, Any]:
    return {
        "regime": "intermediate_translated",
        "intermediate": ["lab_compare"],
        "language": language,
        "translations": by,
        **fields,
    }


@pytest.fixture
def made(study: Callable[..., Params]) -> Callable[..., Params]:
    def make(**arms: Any) -> Params:
        return study(
            arms=arms, tasks={"lab_nli": ROWS}, intermediate={"lab_compare": ROWS, "lab_ner": {}}
        )

    return make


def test_it_trains_on_translations_and_is_scored_everywhere(made: Callable[..., Params]) -> None:
    params = made(sw=arm(), fi=arm("fi"))
    found = grid(params)
    cell = found.cell("nano-sw-lab_nli")
    (warm,) = cell.arm.warm_phases
    assert (warm.tasks, warm.language, warm.translated) == (("lab_compare",), "sw", True)
    assert (warm.rows_language, warm.select_language) == ("en", "en")
    assert cell.eval_languages(params) == ("en", "de", "sw")
    assert cell.arm.train_language == "sw"
    assert found.trained_in(get_task("lab_compare")) == ("en",)  # nothing else is prepared
    stages = {s.stage: s for s in plan_study(params, found).stages}
    assert stages["warmstart@nano-sw"].training.steps == 4
    told = plan_study(params, found).assumptions[-1]
    assert told.startswith("preparation, the start")
    by_model = made(sw=arm(by={**HUB, "revision": "0" * 40}))
    told = plan_study(by_model, grid(by_model)).assumptions[-1]
    assert told.startswith("preparation, machine translation, the start")
    assert stages["warmstart@nano-sw"].phases == ("lab_compare[sw, translated]",)


def test_the_gate_asks_for_translations_and_for_what_they_are_of(made: Callable[..., Params]) -> None:
    read = set(reads(grid(made(sw=arm())).cell("nano-sw-lab_nli")))
    assert read == {
        Place("lab_compare", "translated", "sw"), Place("lab_compare", "train", "en"),
        Place("lab_compare", "dev", "en"), Place("lab_nli", "train", "en"),
        Place("lab_nli", "dev", "en"),
    }  # fmt: skip
    leak = Leak(
        train=Place("lab_compare", "translated", "sw"), train_id="a",
        test=Place("lab_nli", "test", "sw"), test_id="b",
        similarity=1.0, by="text", train_text="x", test_text="x",
    )  # fmt: skip
    assert original(leak).train == Place("lab_compare", "train", "en")
    assert original(original(leak)) == original(leak)


def test_the_graph_has_a_stage_a_task_and_language(made: Callable[..., Params]) -> None:
    items = graph_mapping(
        made(sw=arm(), again=arm(preliminary=False), de=arm("de", BY_FILE)), root=".."
    )
    graph = items["graph"]
    assert graph["translate"] == {
        "lab_compare-sw": {
            "task": "lab_compare", "language": "sw", "by": {"lab": True}, "reads": "../src/xlgap/lab",
            "code": "../src/xlgap/data/translated.py",
        },
        "lab_compare-de": {
            "task": "lab_compare", "language": "de", "by": BY_FILE,
            "reads": "../translations/lab_compare.de.jsonl",
            "code": "../src/xlgap/data/translated.py",
        },
    }  # fmt: skip
    assert graph["translated"] == "data/translated"
    without = graph_mapping(made(direct_en={"regime": "direct_en"}), root=".")["graph"]
    assert (without["translate"], without["translated"]) == ({}, "data/prepared")


def test_an_arm_that_no_task_is_defined_for_has_nothing_translated(made: Callable[..., Params]) -> None:
    params = made(direct_en={"regime": "direct_en"}, sw=arm(intermediate=["lab_nli"]))
    assert [left.arm for left in grid(params).left_out] == ["sw"]
    items = graph_mapping(params, root=".")["graph"]
    assert (items["translate"], items["translated"]) == ({}, "data/prepared")


HUB = {"hub": "facebook/nllb-200-distilled-600M"}


def test_a_directory_counts_from_the_checkout_and_is_what_the_stage_depends_on(
    made: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (".dvc", "mt/nllb", "studies/small"):
        (tmp_path / folder).mkdir(parents=True)
    items = []
    for place in (".", "studies/small"):
        monkeypatch.chdir(tmp_path / place)
        items.append(graph_mapping(made(sw=arm(by={"hub": "mt/nllb"})), root="../..")["graph"])
    assert items[0] == items[1]
    item = items[0]["translate"]["lab_compare-sw"]
    assert (item["reads"], item["by"]) == ("../../mt/nllb", {"hub": "mt/nllb"})
    assert item["code"] == "../../src/xlgap/models/translate.py"
    assert model_place("mt/nllb") == str(tmp_path / "mt/nllb")
    assert model_place("facebook/nllb") == "facebook/nllb"
    named = made(sw=arm(by={**HUB, "revision": "0" * 40}))
    item = graph_mapping(named, root=".")["graph"]["translate"]["lab_compare-sw"]
    assert item["reads"] == "data/prepared/lab_compare/train/en.jsonl"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"translations": None}, "regime 'intermediate_translated' needs 'translations'"),
        ({"translations": {}}, "must give one of 'file: PATH', 'hub: REPOSITORY' and 'lab: true'"),
        ({"translations": {**HUB, "lab": True}}, "must give one of"),
        ({"translations": {**BY_FILE, "revision": "0" * 40}}, "takes 'revision' with 'hub' alone"),
        ({"translations": {**HUB, "revision": "main"}}, "must be a full commit hash"),
        ({"translations": HUB}, "needs 'revision', a full commit hash"),
        (
            {"translations": {"hubb": "x"}},
            "unknown key 'arms.sw.translations.hubb'; did you mean 'hub'",
        ),
        ({"translations": {"file": "{code}.jsonl"}}, "'{task}' and '{language}' alone are filled in"),
        (
            {
                "intermediate": ["lab_compare", "lab_order"],
                "translations": {"file": "{language}.jsonl"},
            },
            "one file for lab_compare, lab_order; put '{task}' into its name",
        ),
        ({"translations": {"file": "{task.x}.jsonl"}}, "'{task}' and '{language}' alone are filled in"),
        ({"intermediate": ["lab_ner"]}, "rows of 'lab_ner' cannot be translated text by text"),
        ({"language": "ht"}, "the lab does not speak 'ht'"),
        ({"language": "en"}, "needs 'language', a target language other than en"),
        (
            {"regime": "intermediate_tgt"},
            "'arms.sw.translations': regime 'intermediate_tgt' has no such",
        ),
    ],
)
def test_wrong_arms_are_told(study: Callable[..., Params], changes: dict, said: str) -> None:
    rows = dict.fromkeys(("lab_compare", "lab_order", "lab_ner"), ROWS)
    with pytest.raises(ConfigError) as caught:
        grid(study(arms={"sw": arm() | changes}, tasks={"lab_nli": ROWS}, intermediate=rows))
    assert said in str(caught.value)


def test_a_study_has_one_translation_of_a_task(made: Callable[..., Params]) -> None:
    with pytest.raises(ConfigError, match=r"'arms.b.translations': 'lab_compare' in 'sw' is another"):
        grid(made(a=arm(), b=arm(by=BY_FILE)))
    grid(made(a=arm(), b=arm("de", BY_FILE)))


def test_a_file_holds_one_language(made: Callable[..., Params]) -> None:
    by = {"file": "{task}.jsonl"}
    with pytest.raises(ConfigError, match=r"'lab_compare.jsonl' would hold 'lab_compare' in 'sw' and"):
        grid(made(a=arm(by=by), b=arm("de", by)))
    grid(made(a=arm(by=by), b=arm(by=by, preliminary=False)))


def test_the_lab_knows_no_real_data(raw_real_study, made) -> None:
    from xlgap.config import check

    raw = raw_real_study(
        arms={"sw": {**arm(), "intermediate": ["mnli"]}}, intermediate={"mnli": {}, "squad": {}}
    )
    with pytest.raises(ConfigError, match="'lab' knows the lab's phrases alone"):
        grid(check(raw, Path("params.yaml")))


def test_translations_that_left_the_study_are_removed(raw_study, tmp_path: Path) -> None:
    raw = raw_study(arms={"sw": arm()}, tasks={"lab_nli": ROWS}, intermediate={"lab_compare": ROWS})
    kept, left = (tmp_path / "data/translated/lab_compare" / code for code in ("sw", "de"))
    for folder in (kept, left):
        folder.mkdir(parents=True)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    assert remove_leftovers(tmp_path) == [Path("data/translated/lab_compare/de")]
    assert kept.is_dir()
