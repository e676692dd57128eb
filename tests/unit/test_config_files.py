"""``params.yaml`` as a file: what YAML makes of it, and a study that overlays another."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from xlgap.config import ScratchModel, load_params, overlaid
from xlgap.errors import ConfigError


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("languages.evaluation", {"languages": {"evaluation": ["en", False]}}),
        (
            "arms.direct_en.language",
            {"arms": {"direct_en": {"regime": "direct_en", "language": False}}},
        ),
    ],
)
def test_norwegian_is_put_in_quotes(raw_study, tmp_path, path, changes):
    """YAML 1.1 reads a bare ``no`` as false."""
    text = yaml.safe_dump(raw_study(**changes))
    text = text.replace("- false", "- no").replace("language: false", "language: no")
    said = r"must be text: YAML reads no, .* in quotes; got False"
    with pytest.raises(ConfigError, match=said) as caught:
        load_params(write(tmp_path / "params.yaml", text))
    assert path in str(caught.value)


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_a_file_is_read(raw_study, study, tmp_path):
    assert load_params(write(tmp_path / "params.yaml", raw_study())) == study()


def test_a_study_overlays_numbers_and_replaces_mappings(raw_study, tmp_path):
    base = write(tmp_path / "params.yaml", raw_study())
    models = {"big": {"hub": "a/b"}}
    over = write(tmp_path / "big.yaml", {"study": {"name": "big"}, "models": models})
    raw = overlaid(base, over)
    assert raw == raw_study(models=models) | {"study": {**raw_study()["study"], "name": "big"}}


@pytest.mark.parametrize("train", [None, 3])
def test_a_section_of_a_study_must_be_a_mapping(raw_study, tmp_path, train):
    base = write(tmp_path / "params.yaml", raw_study())
    over = write(tmp_path / "study.yaml", {"train": train})
    with pytest.raises(ConfigError, match=r"study\.yaml: 'train' must be a mapping"):
        overlaid(base, over)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train: {zero_stage: 0}\ntrain: {}\n", r"line 2: not valid YAML \(key 'train' stands twice\)"),
        ("a:\n  b: 1\n  b: 2\n", r"line 3: not valid YAML \(key 'b' stands twice\)"),
        ("a: [1, 2\n", "line 2: not valid YAML"),
        ("? [1, 2]\n: 3\n", "not valid YAML"),
        ("a: 2024-13-01\n", "not valid YAML"),
        ("a: " + "9" * 5000 + "\n", "not valid YAML"),
        ("- a\n- b\n", "expected a mapping of keys, got list"),
        ("", "expected a mapping of keys, got NoneType"),
    ],
)
def test_bad_yaml_is_told_with_its_line(tmp_path, text, said):
    path = write(tmp_path / "params.yaml", text)
    with pytest.raises(ConfigError, match=said):
        load_params(path)


def test_merge_keys_of_yaml_are_no_duplicates(raw_study, tmp_path):
    raw = raw_study()
    text = yaml.safe_dump({key: raw[key] for key in raw if key != "models"})
    text += (
        "models:\n  nano: &nano {layers: 2, width: 32, heads: 2, feed_forward: 64}\n"
        "  deep: {<<: *nano, layers: 9}\n"
    )
    params = load_params(write(tmp_path / "params.yaml", text))
    assert params.models["deep"] == ScratchModel(layers=9, width=32, heads=2, feed_forward=64)


def test_bytes_that_are_not_text_are_bad_yaml(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes(b"\xff\xfe\x00x")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_params(path)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="no such file; run in a study's directory"):
        load_params(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="a directory, not a file; run in a study's directory"):
        load_params(tmp_path)
