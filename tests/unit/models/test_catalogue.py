from __future__ import annotations

import re
import subprocess
import sys

import pytest

from xlgap.errors import ConfigError, UnknownNameError
from xlgap.models.catalogue import catalogue, find_checkpoint, get_checkpoint, pinned_revision


def test_repositories_are_unique():
    repos = [c.repo for c in catalogue()]
    assert len(repos) == len(set(repos))


def test_revisions_are_full_commits_or_missing():
    for checkpoint in catalogue():
        assert checkpoint.revision is None or re.fullmatch("[0-9a-f]{40}", checkpoint.revision)


def test_a_study_takes_its_own_commit_then_that_of_the_catalogue():
    pinned = get_checkpoint("google/mt5-small").revision
    assert pinned_revision("google/mt5-small", None, key="k") == pinned
    assert pinned_revision("google/mt5-small", "0" * 40, key="k") == "0" * 40
    assert pinned_revision("some/body", "1" * 40, key="k") == "1" * 40


@pytest.mark.parametrize(
    ("repo", "why"),
    [
        ("bigscience/bloom-1b7", "pins no commit of 'bigscience/bloom-1b7'"),
        ("some/body", "does not list 'some/body'"),
        ("google/mt5-smal", r"does not list 'google/mt5-smal' \(near: google/mt5-small"),
    ],
)
def test_a_checkpoint_without_a_commit_is_refused(repo, why):
    said = f"key 'models.x.revision' is missing: the catalogue {why}.*add 'revision:'"
    with pytest.raises(ConfigError, match=said):
        pinned_revision(repo, None, key="models.x.revision")


def test_a_directory_has_no_commit(tmp_path):
    assert pinned_revision(str(tmp_path), None, key="k") is None


def test_families_grow():
    for family in {c.family for c in catalogue()}:
        sizes = [c.params_total for c in catalogue() if c.family == family]
        assert sizes == sorted(sizes)


def test_unknown_repository_names_the_near_one():
    with pytest.raises(UnknownNameError, match=r"did you mean .*FacebookAI/xlm-roberta-base"):
        get_checkpoint("xlm-roberta-base")
    assert find_checkpoint("xlm-roberta-base") is None


def test_catalogue_needs_no_torch():
    code = (
        "import sys; from xlgap.models.catalogue import catalogue; import xlgap.models.ladder, "
        "xlgap.models.size; assert catalogue(); assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
