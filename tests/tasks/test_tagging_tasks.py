"""WikiANN, English UD and CCG: declarations, readers, traps, real files; an open tag set is trained."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from release_folder import listed, rows_of, write

from xlgap import layout
from xlgap.checks.validate import validate
from xlgap.config import Params, check
from xlgap.data import schema
from xlgap.data.prepare import prepare
from xlgap.data.sources import load
from xlgap.errors import DataError, ExpectationError
from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import predict
from xlgap.formats import read_jsonl
from xlgap.models.ladder import scratch_config
from xlgap.models.network import scratch_encoder
from xlgap.models.tokenizer import load_tokenizer, train_tokenizer
from xlgap.regimes.base import Phase
from xlgap.stages.fit import fit
from xlgap.stages.recipe import predictor
from xlgap.stages.start import Start
from xlgap.stages.study import Study
from xlgap.tasks import ccg, get_task, wikiann
from xlgap.tasks._readers.declared import UPOS
from xlgap.tasks.base import Row, Split

PANX = "xtreme_r/panx"
NER = ("B-PER", "O", "B-LOC", "I-LOC")
UD = "intermediate_en/pos/ud_english_ewt"


def conll(start: int, count: int, tags: tuple[str, ...] = NER) -> str:
    return "".join(
        "".join(f"w{n}-{i}\t{tag}\n" for i, tag in enumerate(tags)) + "\n"
        for n in range(start, start + count)
    )


def first_words(rows: list[Row]) -> set[str]:
    return {row["tokens"][0] for row in rows}


def test_wikiann_has_the_languages_tags_and_recipe_of_xtreme_r() -> None:
    task = get_task("wikiann")
    assert len(task.eval_languages) == len(set(task.eval_languages)) == 48
    assert set(wikiann.TAGS) == {"O"} | {f"{a}-{b}" for a in "BI" for b in ("PER", "ORG", "LOC")}
    recipe = task.recipe
    assert (recipe.learning_rate, recipe.epochs, recipe.batch_rows) == (2e-5, 10, 32)
    assert (recipe.max_length, recipe.select) == (128, "dev")
    assert task.hub is not None
    assert task.hub.names is not None
    assert len(task.hub.names) == 40  # of XTREME v1


def test_a_hub_row_of_wikiann() -> None:
    task = get_task("wikiann")
    assert task.hub is not None
    words = {"tokens": ["Ana", "left", "Oban"], "ner_tags": [1, 0, 5], "langs": ["en"] * 3}
    row = task.hub.row(words | {"row_number": 2})
    assert (row["id"], row["tags"]) == ("2", ["B-PER", "O", "B-LOC"])
    stripped = task.hub.row(words | {"row_number": 2, "ner_tags": [-1, -1, -1]})
    assert schema.problem(task.kind, stripped)


class TestWikiannFiles:
    """Which files are read: the official ones, or the dev file in the test file's place."""

    @pytest.fixture
    def stripped(self, tmp_path: Path) -> Path:
        """As the bundle: no test file; two training sentences stand in the dev file."""
        return write(
            tmp_path, {f"{PANX}/train-en.tsv": conll(0, 100), f"{PANX}/dev-en.tsv": conll(98, 30)}
        )

    def test_the_official_files_are_read_whole(self, stripped: Path) -> None:
        write(stripped, {f"{PANX}/test-en.tsv": conll(500, 20)})
        counts = {s: len(rows_of(stripped, "wikiann", s, "en")) for s in ("train", "dev", "test")}
        assert counts == {"train": 100, "dev": 30, "test": 20}

    def test_the_dev_file_is_tested_on_and_nothing_of_it_is_trained_or_selected_on(
        self, stripped: Path
    ) -> None:
        train, dev, test = (rows_of(stripped, "wikiann", s, "en") for s in ("train", "dev", "test"))
        assert len(test) == 30
        tested = load(get_task("wikiann"), "test", ["en"], source="release", data_dir=stripped)
        assert tested["en"].origin["stands_in"] == "dev files"
        assert len(train) + len(dev) == 98
        assert 2 < len(dev) < 25
        words = [first_words(rows) for rows in (train, dev, test)]
        assert sum(map(len, words)) == len(set.union(*words)) == 128

    def test_sentences_of_the_tested_file_are_counted(self, stripped: Path) -> None:
        task = get_task("wikiann")
        found = load(task, "train", ["en"], source="release", data_dir=stripped)["en"]
        assert found.origin["dropped"] == {"stands in the tested file": 2}

    def test_a_sentence_that_stands_twice_is_in_one_part(self, stripped: Path) -> None:
        write(stripped, {f"{PANX}/train-en.tsv": conll(0, 95) * 2})
        train, dev = (first_words(rows_of(stripped, "wikiann", s, "en")) for s in ("train", "dev"))
        assert not train & dev

    def test_damage_of_the_dev_file_is_said_to_be_its_own(self, stripped: Path) -> None:
        write(stripped, {f"{PANX}/dev-en.tsv": conll(0, 12) + "word\tB-MISC\n"})
        with pytest.raises(DataError, match=r"dev-en\.tsv, line 61: tag 'B-MISC' is outside the set"):
            rows_of(stripped, "wikiann", "train", "en")


class TestTraps:
    """What XTREME's download leaves is caught by name, not scored as chance without a word."""

    @pytest.mark.parametrize("task", ["wikiann", "udpos"])
    def test_stripped_tags(self, task: str, tmp_path: Path) -> None:
        folder = {"wikiann": PANX, "udpos": "xtreme_r/udpos"}[task]
        words = "".join(line.split("\t")[0].strip("\n") + "\n" for line in conll(0, 5).splitlines(True))
        write(tmp_path, {f"{folder}/test-de.tsv": words})
        with pytest.raises(DataError, match=r"test-de\.tsv, line 1: .* got 1: the tags are stripped"):
            rows_of(tmp_path, task, "test", "de")

    @pytest.mark.parametrize(("task", "tag"), [("wikiann", "O"), ("udpos", "X")])
    def test_constant_tags(self, task: str, tag: str, tmp_path: Path) -> None:
        """The placeholder that XTREME's own preprocessing gives to words without a tag."""
        folder = {"wikiann": PANX, "udpos": "xtreme_r/udpos"}[task]
        write(tmp_path, {f"{folder}/test-de.tsv": conll(0, 12, (tag, tag))})
        with pytest.raises(DataError, match=f"every tag of the file is '{tag}', expected several"):
            rows_of(tmp_path, task, "test", "de")

    def test_a_language_without_file(self, tmp_path: Path) -> None:
        write(tmp_path, {f"{PANX}/dev-de.tsv": conll(0, 12)})
        with pytest.raises(DataError, match=r"panx/dev-th\.tsv: no such file"):
            load(get_task("wikiann"), "test", ["de", "th"], source="release", data_dir=tmp_path)

    def test_a_language_too_few(
        self, tmp_path: Path, raw_real_study: Callable[..., dict[str, Any]]
    ) -> None:
        letters = {"en": "river", "de": "Fluss"}
        files = {
            f"{PANX}/{split}-{code}.tsv": conll(start, 30).replace("w", letter)
            for start, split in ((100, "train"), (200, "dev"))
            for code, letter in letters.items()
        }
        raw = raw_real_study(
            languages={"evaluation": ["en", "de"], "pretraining": ["en", "de"]},
            tasks={"wikiann": {}},
            intermediate={},
        )
        params, task = check(raw, Path("params.yaml")), get_task("wikiann")
        out = tmp_path / "wikiann"
        prepare(task, params, out, data_dir=write(tmp_path / "data", files))
        (out / "test" / "de.jsonl").unlink()
        with pytest.raises(
            ExpectationError, match=r"language 'de', split 'test': expected that the spl"
        ):
            validate(task, params, out, tmp_path / "checks.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("The\tNP/N\n\nferry\n", "line 3: .* the tags are stripped"),
        ("The\t\n", "line 1: empty tag"),
        ("\tNP\n", "line 1: empty token"),
        ("a\tb\tc\n", "line 1: expected 2 .* got 3"),
    ],
)
def test_reader_errors_name_the_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(ccg.read(text))


CCG = ("NP/N", "N", "S\\NP", ".")


@pytest.fixture
def ccg_study(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    raw_real_study: Callable[..., dict[str, Any]],
) -> Params:
    """A study in the current directory whose CCG dev sentences have a category that train lacks."""
    unseen = "".join(f"w{n}-0\tNP/N\nw{n}-9\tS/S\n\n" for n in range(12))
    files = {"train": conll(0, 60, CCG), "dev": conll(0, 12, CCG) + unseen}
    write(tmp_path, {f"data/intermediate_en/ccg/{name}.tsv": text for name, text in files.items()})
    monkeypatch.chdir(tmp_path)
    raw = raw_real_study(
        languages={"evaluation": ["en"], "pretraining": ["en"]},
        models={"nano": {"layers": 1, "width": 16, "heads": 2, "feed_forward": 32}},
        arms={"inter": {"regime": "intermediate_en", "intermediate": ["ccg"]}},
        tasks={"udpos": {}},
        intermediate={"ccg": {"epochs": 1, "max_length": 32, "learning_rate": 0.01}},
    )
    params = check(raw, Path("params.yaml"))
    prepare(get_task("ccg"), params, layout.prepared("ccg"), data_dir=tmp_path / "data")
    return params


class Silent:
    """Hears of steps and says nothing."""

    def on_start(self, step: int, *, steps: int) -> None: ...

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None: ...

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None:
        self.score = score

    def on_event(self, name: str, sentence: str) -> None: ...

    def stop_requested(self) -> bool:
        return False


def test_the_tags_of_ccg_are_those_of_its_training_rows(ccg_study: Params) -> None:
    study = Study(ccg_study)
    assert get_task("ccg").kind.tags == ()  # type: ignore[union-attr]
    assert study.task("ccg").kind.tags == tuple(sorted(CCG))  # type: ignore[union-attr]
    dev = read_jsonl(layout.rows("ccg", "dev", "en"))
    assert "S/S" in {tag for row in dev for tag in row["tags"]}
    validate(get_task("ccg"), ccg_study, layout.prepared("ccg"), Path("checks.json"))


@pytest.mark.usefixtures("one_rank")
def test_a_model_trains_on_ccg_and_never_says_a_tag_that_only_dev_has(ccg_study: Params) -> None:
    study = Study(ccg_study)
    words = [" ".join(row["tokens"]) for row in read_jsonl(layout.rows("ccg", "train", "en"))]
    train_tokenizer(words, layout.TOKENIZER, vocabulary=18)
    tokenizer = load_tokenizer(layout.TOKENIZER)
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=32, vocabulary=tokenizer.size, positions=32
    )
    start = Start("start", lambda: scratch_encoder(config, seed=0), tokenizer, {})
    phases, observer = (Phase(tasks=("ccg",), language="en"),), Silent()
    fitted = fit(study, "nano", start, phases, seed=1, observer=observer)
    task, dev = study.task("ccg"), study.rows("ccg", "dev", "en")
    found = predict(fitted.network, task.kind, dev, predictor(task, ccg_study, tokenizer, 1))
    assert [len(row["tags"]) for row in found] == [len(row["tokens"]) for row in dev]
    assert {tag for row in found for tag in row["tags"]} <= set(CCG)
    score = get_metric("token_accuracy", task).score(task, dev, found, "en")
    assert score <= 100 * (12 * 4 + 12) / (12 * 4 + 12 * 2)  # tags that are unseen count as wrong
    assert score == pytest.approx(observer.score)


def at_chance(name: str, rows: list[Row], code: str) -> None:
    """Gold scores 100; tags dealt out to the language's words at random score what chance says."""
    task = get_task(name)
    gold = [{"id": row["id"], "tags": row["tags"]} for row in rows]
    tags = [tag for row in rows for tag in row["tags"]]
    random.Random(1).shuffle(tags)
    rest = iter(tags)
    dealt = [{"id": row["id"], "tags": [next(rest) for _ in row["tags"]]} for row in rows]
    for metric in (get_metric(name, task) for name in task.metrics):
        assert metric.score(task, rows, gold, code) == 100
        expected = chance(metric, task, rows, gold, code)
        assert expected < 25
        margin = 150 / len(tags) ** 0.5
        assert metric.score(task, rows, dealt, code) == pytest.approx(expected, abs=margin)


@pytest.mark.parametrize("split", ["train", "dev"])
def test_real_english_ud_has_the_manifests_rows(real_data: Path, split: Split) -> None:
    rows = rows_of(real_data, "ud_english", split, "en")
    assert len(rows) == listed(real_data, f"{UD}/{split}.tsv")
    assert {tag for row in rows for tag in row["tags"]} <= set(UPOS)
    at_chance("ud_english", rows, "en")


@pytest.mark.slow
@pytest.mark.parametrize("code", [c for c in wikiann.LANGUAGES if c != "th"])  # th: no file
def test_real_wikiann_has_the_manifests_rows(real_data: Path, code: str) -> None:
    rows = rows_of(real_data, "wikiann", "test", code)
    assert len(rows) == listed(real_data, f"{PANX}/dev-{code}.tsv")
    at_chance("wikiann", rows, code)
    parts = [
        load(get_task("wikiann"), split, [code], source="release", data_dir=real_data)[code]
        for split in ("train", "dev")
    ]
    dropped = sum(parts[0].origin.get("dropped", {}).values())
    assert dropped == (198 if code == "en" else 0)  # the bundle took them out of the others
    train, dev = (part.rows for part in parts)
    assert len(train) + len(dev) + dropped == listed(real_data, f"{PANX}/train-{code}.tsv")
    sentences = [{tuple(row["tokens"]) for row in part} for part in (rows, train, dev)]
    assert len(set.union(*sentences)) == sum(map(len, sentences))
    assert dev
