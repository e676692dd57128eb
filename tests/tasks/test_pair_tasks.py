"""PAWS-X, ANLI+, QQP, MNLI and its target-language sets: declarations, readers, traps, real files."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from xlgap.config import check
from xlgap.data import schema
from xlgap.data.prepare import prepare
from xlgap.data.sources import ReleaseDirectory, load
from xlgap.errors import DataError
from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.near import normal, weight
from xlgap.tasks import get_task, mnli, pawsx
from xlgap.tasks._readers.pairs import components, nli_json, nli_table, qqp
from xlgap.tasks._readers.pairs import pawsx as read_pawsx
from xlgap.tasks.base import DROPPED, Row, Split

NLI = ("entailment", "neutral", "contradiction")
PAWSX = "xtreme_v1/pawsx"
DEV = [(f"boat {n} meets ship {n}", f"ship {n} meets boat {n}", str(n % 2)) for n in range(40)]


def tsv(rows: list[tuple[str, ...]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


def json_text(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def nli_rows(count: int, label: str = "label", **names: str) -> list[dict[str, Any]]:
    first, second = names.get("first", "premise"), names.get("second", "hypothesis")
    return [{first: f"p{n // 3} {first}", second: f"h{n}", label: NLI[n % 3]} for n in range(count)]


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf8")
    return root


def rows_of(root: Path, task: str, split: Split, code: str) -> list[Row]:
    return load(get_task(task), split, [code], source="release", data_dir=root)[code].rows


def test_pawsx_has_the_languages_and_the_recipe_of_xtreme() -> None:
    task = get_task("pawsx")
    assert task.eval_languages == ("de", "en", "es", "fr", "ja", "ko", "zh")
    recipe = task.recipe
    assert (recipe.learning_rate, recipe.epochs, recipe.batch_rows) == (2e-5, 5, 32)
    assert (recipe.max_length, recipe.select, task.metrics) == (128, "dev", ("accuracy",))


class TestPawsxFiles:
    """Which files are read: the official ones, or parts of the dev files in their place."""

    @pytest.fixture
    def stripped(self, tmp_path: Path) -> Path:
        """As the bundle: no training file, of test files the German one alone."""
        files = {f"{PAWSX}/dev-{code}.tsv": tsv(DEV) for code in ("en", "de", "fr")}
        test = [(f"Test {a}", b, c) for a, b, c in DEV]
        return write(tmp_path, {**files, f"{PAWSX}/test-de.tsv": tsv(test)})

    def test_the_official_files_are_read_whole(self, stripped: Path) -> None:
        train = [(f"train {a}", b, c) for a, b, c in DEV * 2]
        write(stripped, {f"{PAWSX}/train-en.tsv": tsv(train), f"{PAWSX}/test-en.tsv": tsv(DEV)})
        assert len(rows_of(stripped, "pawsx", "train", "en")) == 80
        assert len(rows_of(stripped, "pawsx", "dev", "en")) == 40
        assert len(rows_of(stripped, "pawsx", "test", "en")) == 40
        german = rows_of(stripped, "pawsx", "test", "de")
        assert len(german) == 40
        assert all(row["text"].startswith("Test ") for row in german)

    def test_beside_official_files_nothing_trains_that_is_tested_on(self, stripped: Path) -> None:
        swapped = [("other", " ".join(reversed(b.split())), c) for _, b, c in DEV[:20]]
        write(stripped, {f"{PAWSX}/train-en.tsv": tsv(DEV), f"{PAWSX}/test-de.tsv": tsv(swapped)})
        task = get_task("pawsx")
        for split in ("train", "dev"):
            found = load(task, split, ["de"], source="release", data_dir=stripped)["de"]
            assert all(int(row["id"]) > 20 for row in found.rows)
            assert found.origin["dropped"] == {
                "shares a sentence with the test file": {"train": 12, "dev": 4}[split]
            }

    def test_where_dev_files_train_no_pair_is_in_two_parts_in_any_language(
        self, stripped: Path
    ) -> None:
        splits: tuple[Split, ...] = ("train", "dev", "test")
        english, german = (
            [[row["id"] for row in rows_of(stripped, "pawsx", split, code)] for split in splits]
            for code in ("en", "de")
        )
        assert english == german
        assert list(map(len, english)) == [24, 8, 8]
        assert len(set().union(*english)) == 40

    def test_pairs_of_the_same_english_words_stay_together(self) -> None:
        links = [("a b c d", "b a c d", "0"), ("unlike other", "other unlike", "1")] * 10
        text = tsv([(f"{a} {n // 4}", f"{b} {n // 4}", c) for n, (a, b, c) in enumerate(links)])
        parts = (pawsx.read_train_part, pawsx.read_dev_part, pawsx.read_test_part)
        groups = [{row["group"] for row in part(text)} for part in parts]
        assert sum(map(len, groups)) == len(set.union(*groups)) == 10

    def test_pairs_without_a_translation_are_dropped_and_counted(self, tmp_path: Path) -> None:
        german = [("NS", b, c) if n % 2 else (a, b, c) for n, (a, b, c) in enumerate(DEV)]
        files = {f"{PAWSX}/dev-en.tsv": tsv(DEV), f"{PAWSX}/dev-de.tsv": tsv(german)}
        write(tmp_path, files)
        found = load(get_task("pawsx"), "train", ["de"], source="release", data_dir=tmp_path)["de"]
        assert all("NS" not in (row["text"], row["text_b"]) for row in found.rows)
        assert found.origin["dropped"] == {"no translation": 24 - len(found.rows)}

    def test_damage_of_the_english_file_is_said_to_be_its_own(self, stripped: Path) -> None:
        write(stripped, {f"{PAWSX}/dev-en.tsv": tsv([*DEV[:5], ("one", "two")])})
        with pytest.raises(DataError, match=r"dev-en\.tsv, line 6: expected 3 .* labels are stripped"):
            rows_of(stripped, "pawsx", "train", "fr")

    def test_another_number_of_lines_than_the_english_file_is_refused(self, stripped: Path) -> None:
        write(stripped, {f"{PAWSX}/dev-fr.tsv": tsv(DEV[:30])})
        with pytest.raises(DataError, match=r"dev-fr\.tsv, line 31: expected as many lines .* 40, got"):
            rows_of(stripped, "pawsx", "train", "fr")


@pytest.mark.parametrize("label", [1, "1"])
def test_a_hub_row_of_pawsx(label: object) -> None:
    task = get_task("pawsx")
    assert task.hub is not None
    pair = {"sentence1": "a", "sentence2": "b", "label": label, "row_number": 3}
    row = {"id": "3", "group": "3", "text": "a", "text_b": "b", "label": "1"}
    assert task.hub.row(pair) == row
    assert schema.problem(task.kind, task.hub.row(pair | {"label": -1}))


class TestTraps:
    """Labels stripped or constant are caught by name."""

    def test_stripped_labels(self) -> None:
        text = tsv([(a, b) for a, b, _ in DEV])
        with pytest.raises(DataError, match=r"line 1: expected 3 .*, got 2: the labels are stripped"):
            list(read_pawsx(text))

    def test_constant_labels(self) -> None:
        text = tsv([(a, b, "0") for a, b, _ in DEV])
        with pytest.raises(DataError, match=r"every label of the file is '0', .* stripped or constant"):
            list(read_pawsx(text))

    def test_stripped_labels_of_xnli(self) -> None:
        with pytest.raises(
            DataError, match=r"line 1: .* the labels are stripped, as XTREME's download"
        ):
            list(get_task("xnli").release["test"][0].read("a b\tc d\n"))  # type: ignore[index]

    def test_constant_labels_of_json_lines(self) -> None:
        with pytest.raises(DataError, match="every label of the file is 'neutral'"):
            list(nli_json(json_text([row | {"label": "n"} for row in nli_rows(12)])))

    def test_a_missing_label_of_json_lines(self) -> None:
        rows = nli_rows(3)
        del rows[1]["label"]
        with pytest.raises(DataError, match="line 2: expected the keys premise, hypothesis, label"):
            list(nli_json(json_text(rows)))

    def test_few_rows_may_agree(self) -> None:
        assert len(list(nli_json(json_text([row | {"label": "n"} for row in nli_rows(9)])))) == 9


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"label": "gold_label"},
        {"first": "sentence1", "second": "sentence2", "label": "gold_label"},
        {"first": "sentence1", "second": "sentence2"},
        {"first": "context"},
    ],
    ids=lambda names: ",".join(names.values()),
)
def test_the_keys_of_every_release_are_read(names: dict[str, str]) -> None:
    rows = list(nli_json(json_text(nli_rows(6, **names)), prefix="x-"))
    assert [row["id"] for row in rows] == [f"x-{n}" for n in range(1, 7)]
    assert [row["group"] for row in rows] == ["x-1"] * 3 + ["x-2"] * 3
    assert [row["label"] for row in rows] == [*NLI, *NLI]
    assert rows[4]["text_b"] == "h4"


def test_pairs_without_a_majority_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = nli_rows(12, first="sentence1", second="sentence2")
    rows[3]["label"] = "-"
    write(tmp_path, {"target_language/nli/zh_ocnli/train.jsonl": json_text(rows)})
    found = load(get_task("mnli"), "train", ["zh"], source="release", data_dir=tmp_path)["zh"]
    assert [row["id"] for row in found.rows] == [str(n) for n in range(1, 13) if n != 4]
    assert found.origin["dropped"] == {"no majority label": 1}


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (nli_json, "[1]\n", "line 1: expected a JSON object"),
        (nli_json, '{"premise": "a", "hypothesis": "b", "label": "x"}\n', "line 1: label 'x' is"),
        (nli_json, '{"premise": "a", "hypothesis": "b", "label": [1]}\n', "line 1: label"),
        (nli_json, '{"premise": "a", \n', "line 1: not a JSON object"),
        (mnli.read_sick, "a\tb\n", "line 1: expected a header .* sentence_A, .* missing"),
        (mnli.read_sick, "", "line 1: expected a header"),
        (mnli.read_farstail, "premise\thypothesis\tlabel\na\tb\n", "line 2: .*labels are stripped"),
        (mnli.read_farstail, "premise\thypothesis\tlabel\na\tb\tc\td\n", "line 2: expected 3 .* got 4"),
        (mnli.read_farstail, 'premise\thypothesis\tlabel\n"a\tb\tc\n', "line 2: not tab-separated"),
        (read_pawsx, "a\tb\t2\n", "line 1: label '2' is outside"),
        (read_pawsx, "a\tb\t1\tx\n", "line 1: expected 3 .* got 4"),
    ],
)  # fmt: skip
def test_reader_errors_name_the_line(
    read: Callable[[str], Iterator[Row]], text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        list(read(text))


def test_a_quoted_field_holds_tabs_and_quotation_marks() -> None:
    text = 'premise\thypothesis\tlabel\n"a ""b""\tc"\td\te\n'
    (row,) = nli_table(text, ("premise", "hypothesis", "label"), quoted=True)
    assert (row["text"], row["text_b"], row["label"]) == ('a "b"\tc', "d", "entailment")


def test_a_group_of_jnli_is_an_image() -> None:
    rows = [row | {"yjcaptions_id": f"{n // 2}-1-{n}"} for n, row in enumerate(nli_rows(6))]
    assert [row["group"] for row in mnli.read_jnli(json_text(rows))] == list("112233")


class TestAnliPlus:
    NLI = "intermediate_en/nli"

    @pytest.fixture
    def files(self, tmp_path: Path) -> Path:
        names = [f"{name}/{split}.jsonl" for name in ("mnli", "snli") for split in ("train", "dev")]
        files = {f"{self.NLI}/{name}": json_text(nli_rows(30)) for name in names}
        return write(tmp_path, {**files, f"{self.NLI}/anli/dev.jsonl": json_text(nli_rows(90))})

    def test_the_three_sets_stand_one_after_another(self, files: Path) -> None:
        write(files, {f"{self.NLI}/anli/train.jsonl": json_text(nli_rows(60, first="context"))})
        rows = rows_of(files, "anli_plus", "train", "en")
        sources = [row["id"].split("-")[0] for row in rows]
        assert sources == ["anli"] * 60 + ["mnli"] * 30 + ["snli"] * 30
        assert {row["group"].split("-")[0] for row in rows} == {"anli", "mnli", "snli"}
        assert len({row["id"] for row in rows}) == 120
        assert len(rows_of(files, "anli_plus", "dev", "en")) == 90 + 30 + 30

    def test_damage_of_the_third_file_is_said_to_be_its_own(self, files: Path) -> None:
        (files / self.NLI / "snli/dev.jsonl").write_text(json_text([*nli_rows(4), {"premise": "a"}]))
        with pytest.raises(DataError, match=r"snli/dev\.jsonl, line 5: expected the keys premise,"):
            rows_of(files, "anli_plus", "dev", "en")

    def test_dev_premises_stand_in_for_the_training_file(self, files: Path) -> None:
        train, dev = (rows_of(files, "anli_plus", s, "en") for s in ("train", "dev"))
        assert (len(train), len(dev)) == (81 + 60, 9 + 60)
        of = [{row["text"] for row in rows if row["id"].startswith("anli-")} for rows in (train, dev)]
        assert not of[0] & of[1]


class TestQqp:
    HEADER = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"

    def body(self, count: int) -> str:
        return "".join(
            f"{n}\t{n}\t{n + 1}\tq{n}?\tr{n}?\t{n // 2 % 2}\n" for n in range(0, 2 * count, 2)
        )

    def test_a_study_prepares_it(
        self, tmp_path: Path, raw_real_study: Callable[..., dict[str, Any]]
    ) -> None:
        split = {"train": 30, "dev": 12}
        files = {f"intermediate_en/qqp/{s}.tsv": self.HEADER + self.body(n) for s, n in split.items()}
        write(tmp_path / "data", files)
        raw = raw_real_study(
            tasks={"xnli": {}},
            intermediate={"mnli": {}, "qqp": {}},
            arms={"inter": {"regime": "intermediate_en", "intermediate": ["qqp"]}},
        )
        task, params = get_task("qqp"), check(raw, Path("params.yaml"))
        made = prepare(task, params, tmp_path / "qqp", data_dir=tmp_path / "data")
        assert {s: made["splits"][s]["en"]["rows"] for s in split} == split
        assert made["noncommercial"]

    def test_a_group_is_the_questions_that_pairs_link(self) -> None:
        text = self.HEADER + "7\t1\t2\ta\tb\t0\n8\t3\t4\tc\td\t1\n9\t5\t2\te\tb\t1\n"
        assert [(row["id"], row["group"]) for row in qqp(text)] == [("7", "1"), ("8", "2"), ("9", "1")]

    def test_a_few_lines_broken_in_two_are_dropped_and_counted(self) -> None:
        text = self.HEADER + "1\t1\t2\thow\n do I\t\n" + self.body(3)
        rows = list(qqp(text))
        assert sum(DROPPED in row for row in rows) == 2
        assert [row["text"] for row in rows if DROPPED not in row] == ["q0?", "q2?", "q4?"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("id\tquestion1\tquestion2\n", "line 1: expected the header id, .* labels are stripped"),
            (HEADER + "1\t1\t2\ta\tb\t1\n2\t3\t4\tc", "line 3: expected 6 .* got 4"),
            (HEADER + "1\t1\t2\ta\tb\t0\tx\n2\t3\t4\tc\td\t1\n", "line 2: expected 6 .* got 7"),
            (HEADER + "1\t1\t2\ta\tb\n" * 11 + "2\t3\t4\tc\td\t1\n", "line 2: expected 6 .* got 5"),
            (HEADER + "1\t1\t2\ta\tb\tyes\n", "line 2: label 'yes' is outside"),
            ("", "line 1: expected the header"),
        ],
    )  # fmt: skip
    def test_damage_is_named_by_its_line(self, text: str, message: str) -> None:
        with pytest.raises(DataError, match=message):
            list(qqp(text))


def test_components_are_what_links_join() -> None:
    assert components([("a", "b"), ("c",), ("d", "b"), ("e", "d"), ("c", "c")]) == [1, 2, 1, 1, 2]


def test_the_target_language_arm_pairs_with_english_mnli(
    tmp_path: Path, raw_real_study: Callable[..., dict[str, Any]]
) -> None:
    json_set = json_text(nli_rows(30, first="sentence1", second="sentence2"))
    folders = {"zh": "target_language/nli/zh_ocnli", "en": "intermediate_en/nli/mnli"}
    files = {f"{f}/{s}.jsonl": json_set for f in folders.values() for s in ("train", "dev")}
    write(tmp_path / "data", files)
    raw = raw_real_study(
        languages={"evaluation": ["en", "zh"], "pretraining": ["en", "zh"]},
        tasks={"udpos": {}},
        intermediate={"mnli": {"train_rows": 20}},
        arms={
            "inter_en": {"regime": "intermediate_en", "intermediate": ["mnli"]},
            "inter_zh": {"regime": "intermediate_tgt", "intermediate": ["mnli"], "language": "zh"},
        },
    )
    params = check(raw, Path("params.yaml"))
    made = prepare(get_task("mnli"), params, tmp_path / "mnli", data_dir=tmp_path / "data")
    assert {code: found["rows"] for code, found in made["splits"]["train"].items()} == {
        "en": 20, "zh": 20,
    }  # fmt: skip


# What the manifest of the real files lists for the sets that are divided or joined here.
REAL: dict[tuple[str, str], tuple[str, ...]] = {
    ("zh", "train"): ("target_language/nli/zh_ocnli/train.jsonl",),
    ("zh", "dev"): ("target_language/nli/zh_ocnli/dev.jsonl",),
    ("fa", "train"): ("target_language/nli/fa_farstail/Train-word.csv",),
    ("fa", "dev"): ("target_language/nli/fa_farstail/Val-word.csv",),
    ("nl", "train"): ("target_language/nli/nl_sick_nl/train.tsv",),
    ("nl", "dev"): ("target_language/nli/nl_sick_nl/dev.tsv",),
    ("ko", "train"): ("target_language/nli/ko_klue_nli/train.jsonl",),
    ("ko", "dev"): ("target_language/nli/ko_klue_nli/dev.jsonl",),
    ("ja", "train"): ("target_language/nli/ja_jnli/valid-v1.3.json",),
    ("ja", "dev"): ("target_language/nli/ja_jnli/test-v1.3.json",),
}


def at_chance(task_name: str, rows: list[Row], code: str) -> None:
    """Gold scores 100, labels dealt out at random score what chance says, give or take."""
    task = get_task(task_name)
    metric = get_metric("accuracy", task)
    gold = [{"id": row["id"], "label": row["label"]} for row in rows]
    assert metric.score(task, rows, gold, code) == 100
    labels = [row["label"] for row in rows]
    random.Random(1).shuffle(labels)
    dealt = [row | {"label": label} for row, label in zip(gold, labels, strict=True)]
    expected = chance(metric, task, rows, gold, code)
    assert 30 < expected < 55
    assert metric.score(task, rows, dealt, code) == pytest.approx(expected, abs=400 / len(rows) ** 0.5)


def listed(root: Path, *names: str) -> int:
    entries = ReleaseDirectory(root).listed
    return sum(entries[name]["rows"] for name in names)


@pytest.mark.parametrize(("code", "split"), REAL, ids="-".join)
def test_target_language_sets_have_the_manifests_rows(real_data: Path, code: str, split: Split) -> None:
    rows = rows_of(real_data, "mnli", split, code)
    assert len(rows) == listed(real_data, *REAL[code, split]) == len({row["id"] for row in rows})
    at_chance("mnli", rows, code)


@pytest.mark.parametrize(("split", "name", "left_out"), [("train", "train", 1177), ("dev", "val", 273)])
def test_real_indonli_has_no_test_sentence_of_udpos(
    split: Split, name: str, left_out: int, real_data: Path
) -> None:
    rows = rows_of(real_data, "mnli", split, "id")
    assert len(rows) == listed(real_data, f"target_language/nli/id_indonli/{name}.jsonl") - left_out
    tested = {
        normal(" ".join(row["tokens"])) for row in rows_of(real_data, "udpos", "test", "id")
    }  # fmt: skip
    assert not {t for row in rows for t in (normal(row["text"]),) if weight(t) > 31} & tested
    at_chance("mnli", rows, "id")


def test_indonli_is_read_whole_without_the_treebanks_and_else_without_their_sentences(
    tmp_path: Path,
) -> None:
    sentence = "Presiden Joko Widodo membuka kembali pasar tradisional di Jakarta"
    pairs = [
        {"premise": f"{sentence}.", "hypothesis": "Pasar dibuka.", "label": "e"},
        {"premise": f"{sentence} kemarin.", "hypothesis": "Pasar ditutup.", "label": "c"},
        {"premise": "Hujan turun sepanjang hari.", "hypothesis": f"{sentence}!", "label": "n"},
        {"premise": "Hujan turun sepanjang hari.", "hypothesis": "Kering.", "label": "c"},
        {"premise": "Terima kasih.", "hypothesis": "Sama-sama.", "label": "e"},
    ]  # fmt: skip
    path = "target_language/nli/id_indonli/train.jsonl"
    root = write(tmp_path, {path: json_text(pairs)})
    assert len(rows_of(root, "mnli", "train", "id")) == 5
    words = "".join(f"{word}\tNOUN\n" for word in sentence.split())
    write(root, {"xtreme_r/udpos/test-id.tsv": f"{words}\nTerima\tVERB\nkasih\tNOUN\n"})
    loaded = load(get_task("mnli"), "train", ["id"], source="release", data_dir=root)["id"]
    assert [row["text_b"] for row in loaded.rows] == ["Kering.", "Sama-sama."]
    assert loaded.origin["dropped"] == {"is a sentence of UD-POS's test file": 3}


@pytest.mark.parametrize(
    ("code", "name", "rows"), [("my", "dev-my", (1992, 498)), ("qu", "dev-quy", (597, 146))]
)
def test_xnli_in_languages_that_it_lacks_is_divided_by_premise(
    code: str, name: str, rows: tuple[int, int], real_data: Path
) -> None:
    train, dev = (rows_of(real_data, "mnli", split, code) for split in ("train", "dev"))
    assert (len(train), len(dev)) == rows
    assert sum(rows) == listed(real_data, f"target_language/nli/xnli_ext/{name}.tsv")
    assert not {row["text"] for row in train} & {row["text"] for row in dev}
    at_chance("mnli", train + dev, code)


def test_no_image_of_real_jnli_is_in_train_and_dev(real_data: Path) -> None:
    directory = ReleaseDirectory(real_data)
    texts = [directory.read(REAL["ja", split][0])[0] for split in ("train", "dev")]
    images = [{json.loads(x)["yjcaptions_id"].split("-")[0] for x in t.splitlines()} for t in texts]
    assert not images[0] & images[1]


@pytest.mark.parametrize("code", ["de", "zh"])
def test_real_pawsx_tests_have_the_manifests_rows(real_data: Path, code: str) -> None:
    """Which would be tested on beside the official training file."""
    rows = list(read_pawsx(ReleaseDirectory(real_data).read(f"{PAWSX}/test-{code}.tsv")[0]))
    assert len(rows) == listed(real_data, f"{PAWSX}/test-{code}.tsv") == 2000
    at_chance("pawsx", rows, code)


@pytest.mark.parametrize(("code", "shared"), [("de", 195), ("zh", 465)])
def test_real_pawsx_dev_and_test_files_share_sentences(real_data: Path, code: str, shared: int) -> None:
    """The reason why whoever trains on dev files is not tested on test files."""
    directory = ReleaseDirectory(real_data)
    dev, test = (
        [{row["text"], row["text_b"]} - {"NS"} for row in read_pawsx(directory.read(name)[0])]
        for name in (f"{PAWSX}/dev-{code}.tsv", f"{PAWSX}/test-{code}.tsv")
    )
    known = set().union(*test)
    assert sum(bool(pair & known) for pair in dev) == shared


@pytest.mark.parametrize("code", pawsx.LANGUAGES)
def test_real_pawsx_dev_files_are_divided_without_loss(real_data: Path, code: str) -> None:
    text = ReleaseDirectory(real_data).read(f"{PAWSX}/dev-{code}.tsv")[0]
    english = ReleaseDirectory(real_data).read(f"{PAWSX}/dev-en.tsv")[0]
    parts = (pawsx.read_train_part, pawsx.read_dev_part, pawsx.read_test_part)
    divided = [[*part(text, english)] for part in parts]
    ids = [{row["id"] for row in rows if DROPPED not in row} for rows in divided]
    assert sum(map(len, divided)) == listed(real_data, f"{PAWSX}/dev-{code}.tsv")
    assert sum(map(len, ids)) == len(set.union(*ids)) > 1900
    by_english = [{row["id"] for row in part(english)} for part in parts]
    assert all(a <= b for a, b in zip(ids, by_english, strict=True))
    assert ids[2] == by_english[2]  # test sets are of the same pairs in every language
    at_chance("pawsx", [row for rows in divided for row in rows if DROPPED not in row], code)


def test_real_anli_plus_has_the_manifests_rows(real_data: Path) -> None:
    names = [f"intermediate_en/nli/{name}.jsonl" for name in (
        "anli/dev", "mnli/train", "mnli/dev", "snli/train", "snli/dev"
    )]  # fmt: skip
    train, dev = (rows_of(real_data, "anli_plus", split, "en") for split in ("train", "dev"))
    assert len(train) + len(dev) == listed(real_data, *names)
    assert not {row["group"] for row in train if "anli" in row["id"]} & {row["group"] for row in dev}
    at_chance("anli_plus", train, "en")
