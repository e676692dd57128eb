from __future__ import annotations

import re
import subprocess
import sys

import pytest

from xlgap.errors import UnknownNameError
from xlgap.models.catalogue import catalogue, find_checkpoint, get_checkpoint


def test_repositories_are_unique():
    repos = [c.repo for c in catalogue()]
    assert len(repos) == len(set(repos))


def test_revisions_are_full_commits_or_missing():
    for checkpoint in catalogue():
        assert checkpoint.revision is None or re.fullmatch("[0-9a-f]{40}", checkpoint.revision)


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
