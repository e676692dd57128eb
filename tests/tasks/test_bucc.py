"""BUCC 2018 on files of the official schema: reading, damage, checks, and mining with a network."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bucc_files import PAIRS, SENTENCES, bucc_files, bucc_sentence

from xlgap.checks.validate import validate
from xlgap.config import Params, check
from xlgap.data.prepare import cap, prepare
from xlgap.data.sources import load
from xlgap.errors import DataError, ExpectationError
from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import Predictor, predict, tune_threshold
from xlgap.formats import read_jsonl, write_jsonl
from xlgap.models.encode import Window
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, scratch_encoder
from xlgap.models.tokenizer import load_tokenizer, train_tokenizer
from xlgap.tasks import get_task
from xlgap.tasks.base import Row

BUCC = get_task("bucc2018")
F1 = get_metric("f1", BUCC)


@pytest.fixture
def release(release_files: Path) -> Path:
    for code in ("de", "ru"):
        bucc_files(release_files, code, "dev", 0)
        bucc_files(release_files, code, "test", 100)
    return release_files


def gold_predictions(rows: list[Row]) -> list[Row]:
    return [{"id": row["id"], "match": row["match"], "score": 1.0} for row in rows]


def test_rows_are_both_sides_of_a_language_pair(release: Path) -> None:
    loaded = load(BUCC, "test", ["de", "ru"], source="release", data_dir=release)
    for code, found in loaded.items():
        rows = {row["id"]: row for row in found.rows}
        assert len(rows) == len(found.rows) == 2 * SENTENCES
        assert len(found.origin["files"]) == 3
        foreign = [row for row in found.rows if row["side"] == "foreign"]
        assert len(foreign) == SENTENCES
        assert foreign[0]["text"] == bucc_sentence(code, 100)
        matched = [row for row in foreign if row["match"]]
        assert len(matched) == PAIRS
        for row in matched:
            english = rows[row["match"]]
            assert english["side"] == "english"
            assert english["text"].split()[-1] == row["text"].split()[-1]
            assert english["group"] == row["group"]
        assert len({row["group"] for row in found.rows}) == 2 * SENTENCES - PAIRS


def test_gold_scores_perfect_and_shuffled_gold_at_chance(release: Path) -> None:
    rows = load(BUCC, "test", ["de"], source="release", data_dir=release)["de"].rows
    gold = gold_predictions(rows)
    assert F1.score(BUCC, rows, gold, "de") == 100
    foreign = [row["id"] for row in rows if row["side"] == "foreign"]
    matches = {row["id"]: row["match"] for row in rows}
    values = []
    for seed in range(500):
        order = random.Random(seed).sample(foreign, len(foreign))
        dealt = dict(zip(foreign, (matches[name] for name in order), strict=True))
        values.append(
            F1.score(BUCC, rows, [{**p, "match": dealt.get(p["id"], "")} for p in gold], "de")
        )
    assert sum(values) / 500 == pytest.approx(chance(F1, BUCC, rows, gold, "de"), abs=1)
    assert chance(F1, BUCC, rows, gold, "de") == pytest.approx(100 / SENTENCES)


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("gold", lambda text: "", r"gold, line 1: the file is empty, expected some text"),
        (
            "gold",
            lambda text: text.replace("\t", " ", 1),
            r"gold, line 1: expected 2 tab-separated columns",
        ),
        (
            "gold",
            lambda text: text + "de-000000001\ten-999999999\n",
            r"gold, line 11: expected the id of one of 30 English sentences, got 'en-9",
        ),
        (
            "gold",
            lambda text: text + "de-000000001\ten-000000030\nde-000000001\ten-000000029\n",
            r"gold, line 1[12]: 'de-000000001' is in a pair with .* already",
        ),
        (
            "de",
            lambda text: text[: len(text) // 2],
            r"gold, line \d: .*one of \d+ foreign sentences|test\.de, line \d+: expected 2",
        ),
        ("de", lambda text: text.replace("\t", "", 1), r"test\.de, line 1: expected 2"),
        (
            "de",
            lambda text: text.replace("de-000000002", "de-000000001"),
            r"test\.de, line 2: id 'de-000000001' stands there again",
        ),
        (
            "en",
            lambda text: text.replace("en-000000003", "de-000000003"),
            r"got 'en-000000003'|en, line 3: id 'de-000000003' stands on the for",
        ),
        ("en", lambda text: "en-000000001\t \n" + text, r"test\.en, line 1: empty sent"),
    ],
)  # fmt: skip
def test_a_damaged_file_ends_in_one_sentence(
    release: Path, file: str, damage: Callable[[str], str], message: str
) -> None:
    path = release / "xtreme_v1" / "bucc2018" / f"de-en.test.{file}"
    path.write_text(damage(path.read_text(encoding="utf8")), encoding="utf8")
    with pytest.raises(DataError, match=message):
        load(BUCC, "test", ["de"], source="release", data_dir=release)


def test_a_pair_that_stands_twice_is_one_pair(release: Path) -> None:
    path = release / "xtreme_v1" / "bucc2018" / "de-en.test.gold"
    path.write_text(path.read_text() * 2)
    rows = load(BUCC, "test", ["de"], source="release", data_dir=release)["de"].rows
    assert sum(bool(row["match"]) for row in rows) == PAIRS


def test_a_cap_keeps_pairs_whole(release: Path) -> None:
    rows = load(BUCC, "test", ["de"], source="release", data_dir=release)["de"].rows
    for limit in range(2, len(rows), 7):
        kept = cap(rows, limit)
        ids = {row["id"] for row in kept}
        assert limit - 1 <= len(kept) <= limit
        assert all(row["match"] in ids for row in kept if row["match"])
        assert ids <= {row["id"] for row in cap(rows, limit + 7)}
        assert kept == [row for row in rows if row["id"] in ids]


@pytest.fixture
def params(raw_real_study: Callable[..., dict]) -> Params:
    raw = raw_real_study(
        arms={"direct_en": {"regime": "direct_en"}, "pretrained": {"regime": "pretrained"}},
        tasks={"bucc2018": {}, "xquad": {}},
        intermediate={"squad": {}},
    )
    return check(raw, Path("params.yaml"))


@pytest.fixture
def prepared(params: Params, release: Path, tmp_path: Path) -> Path:
    for name in ("bucc2018", "squad"):
        prepare(get_task(name), params, tmp_path / "prepared" / name, data_dir=release)
    return tmp_path / "prepared"


def validated(params: Params, prepared: Path, tmp_path: Path) -> None:
    validate(BUCC, params, prepared / "bucc2018", tmp_path / "checks.json", proxy=prepared / "squad")


def test_good_data_pass(params: Params, prepared: Path, tmp_path: Path) -> None:
    assert sorted(p.name for p in (prepared / "bucc2018" / "dev").iterdir()) == ["de.jsonl", "ru.jsonl"]
    validated(params, prepared, tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda rows: [{**r, "match": "en-x"} if r["match"] else r for r in rows], "every 'match' is"),
        (lambda rows: [r for r in rows if r["side"] == "foreign"], "sentences of both|every 'match'"),
        (lambda rows: [{**r, "side": r["side"].removesuffix("ign")} for r in rows], "side is foreign"),
        (lambda rows: [*rows[1:], {**rows[-1]}], "an id stands once in a language"),
    ],
)  # fmt: skip
def test_damaged_rows_are_named(
    params: Params, prepared: Path, tmp_path: Path, damage: Callable, message: str
) -> None:
    path = prepared / "bucc2018" / "test" / "ru.jsonl"
    write_jsonl(path, damage(read_jsonl(path)))
    with pytest.raises(ExpectationError, match=rf"language 'ru'.*({message})"):
        validated(params, prepared, tmp_path)


def test_a_network_without_head_mines_with_the_threshold_of_dev(release: Path, tmp_path: Path) -> None:
    rows = {
        split: load(BUCC, split, ["de"], source="release", data_dir=release)["de"].rows
        for split in ("dev", "test")
    }
    for found in rows.values():  # a translation reads as its original does
        by_id = {row["id"]: row for row in found}
        for row in list(found):
            if row["match"]:
                by_id[row["match"]]["text"] = row["text"]
    train_tokenizer([row["text"] for row in rows["dev"]] * 4, tmp_path / "t.json", vocabulary=40)
    tokenizer = load_tokenizer(tmp_path / "t.json")
    config = scratch_config(
        layers=1, width=32, heads=2, feed_forward=32, vocabulary=tokenizer.size, positions=64
    )
    network = Network(scratch_encoder(config, seed=0), None)
    how = Predictor(tokenizer=tokenizer, window=Window(max_length=60), token_budget=512, centred=True)
    tuned = tune_threshold(network, rows["dev"], how)
    loose = predict(network, BUCC.kind, rows["test"], how)
    found = predict(network, BUCC.kind, rows["test"], replace(how, threshold=tuned.value))
    assert [row["id"] for row in found] == [row["id"] for row in rows["test"]]
    assert all(
        not p["match"] for p, r in zip(found, rows["test"], strict=True) if r["side"] == "english"
    )
    mined = [p for p in loose if p["match"]]
    assert [p for p in found if p["match"]] == [p for p in mined if p["score"] >= tuned.value]
    assert 0 < sum(bool(p["match"]) for p in found) < len(mined)
    assert tuned.f1 > 80
    assert F1.score(BUCC, rows["test"], found, "de") > F1.score(BUCC, rows["test"], loose, "de")
