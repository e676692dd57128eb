"""ANLI+, QQP, MNLI and its target-language sets: readers, traps, parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pair_files import DEV, NLI, json_text, nli_rows, tsv
from release_folder import rows_of, write

from xlgap.config import check
from xlgap.data.prepare import prepare
from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.tasks import get_task, mnli
from xlgap.tasks._readers.pairs import components, nli_json, nli_table, qqp
from xlgap.tasks._readers.pairs import pawsx as read_pawsx
from xlgap.tasks.base import DROPPED, Row


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
