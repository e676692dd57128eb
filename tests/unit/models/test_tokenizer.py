import pytest

from xlgap.errors import DataError
from xlgap.models.tokenizer import load_tokenizer, train_tokenizer


def test_special_ids_follow_xlm_r(tokenizer):
    assert (tokenizer.pad, tokenizer.eos, tokenizer.unk) == (1, 2, 3)
    assert tokenizer.mask == tokenizer.size - 1


def test_pairs_are_framed(tokenizer):
    ids = tokenizer.fast.encode("cat", "dog").ids
    assert ids[0] == 0
    assert ids[-1] == tokenizer.eos
    assert ids.count(tokenizer.eos) == 2


def test_every_digit_is_a_token_of_its_own(tokenizer):
    tokens = tokenizer.fast.encode("1999", add_special_tokens=False).tokens
    assert [t for t in tokens if t != "▁"] == ["1", "9", "9", "9"]


def test_training_is_deterministic(tmp_path):
    lines = ["the cat sat on the mat", "die Katze lief 13 Vögeln nach", "猫坐在垫子上"] * 9
    for name in "ab":
        train_tokenizer(lines, tmp_path / name, vocabulary=35)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_text_is_refused(tmp_path):
    with pytest.raises(DataError, match="corpus is empty"):
        train_tokenizer([], tmp_path / "t.json", vocabulary=100)
    assert not (tmp_path / "t.json").exists()


@pytest.mark.parametrize(
    ("vocabulary", "reason"),
    [(5, "allowed: at least 1[0-9]\\."), (5000, "allowed: at most [1-9][0-9]\\.")],
)
def test_a_vocabulary_that_the_text_does_not_give(tmp_path, vocabulary, reason):
    with pytest.raises(DataError, match=rf"key 'pretrain\.vocabulary': {vocabulary} .*{reason}"):
        train_tokenizer(["the cat sat on the mat"] * 9, tmp_path / "t.json", vocabulary=vocabulary)
    assert not (tmp_path / "t.json").exists()


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no such tokenizer.*dvc repro corpus"):
        load_tokenizer(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text('{"version"')
    with pytest.raises(DataError, match="not a tokenizer file"):
        load_tokenizer(tmp_path / "bad.json")
