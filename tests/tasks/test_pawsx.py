"""PAWS-X: its declaration, and which files it is read from."""

from __future__ import annotations

from pathlib import Path

import pytest
from pair_files import DEV, PAWSX, tsv
from release_folder import rows_of, write

from xlgap.data import schema
from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.tasks import get_task, pawsx
from xlgap.tasks.base import Split


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
