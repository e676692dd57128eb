"""Chunks: against seqeval itself for BIO tags, against seqeval 0.0.12's rules for plain ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from xlgap.evaluation.chunks import Vocabulary, chunk_counts, chunk_ends, flatten

BIO = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
UPOS = ["NOUN", "VERB", "SCONJ", "CCONJ", "SYM", "INTJ", "ADJ"]


def found(sentences: list[list[str]], *, bio: bool) -> list[tuple[int, int]]:
    """First and last position of each chunk, counting one more position after each sentence."""
    vocabulary = Vocabulary.of({t for tags in sentences for t in tags}, bio=bio)
    ends = chunk_ends(flatten(sentences, vocabulary), vocabulary)
    return [(int(ends.begin[i]), int(i) - 1) for i in np.flatnonzero(ends.is_end)]


def typed(sentences: list[list[str]]) -> list[tuple[str, int, int]]:
    """The type, first and last position of each chunk of BIO tags."""
    vocabulary = Vocabulary.of({t for tags in sentences for t in tags}, bio=True)
    names = {int(vocabulary.type[i]): tag.split("-")[-1] for tag, i in vocabulary.number.items()}
    ends = chunk_ends(flatten(sentences, vocabulary), vocabulary)
    where = np.flatnonzero(ends.is_end)
    return [(names[int(ends.type[i])], int(ends.begin[i]), int(i) - 1) for i in where]


def seqeval_0_0_12(tags: list[str]) -> list[tuple[str, int, int]]:
    """The published rules, token by token, for one sentence of tags without prefix."""
    chunks, begin, before, kind_before = [], 0, "O", ""
    for i, tag in enumerate([*tags, "O"]):
        prefix, kind = tag[0], tag.split("-")[-1]
        ended = before in "ES" or (before in "BI" and prefix in "BSO")
        if ended or (before not in "O." and kind_before != kind):
            chunks.append((kind_before, begin, i - 1))
        started = prefix in "BS" or (before in "ESO" and prefix in "EI")
        if started or (prefix not in "O." and kind_before != kind):
            begin = i
        before, kind_before = prefix, kind
    return chunks


def test_runs_of_equal_tags_merge() -> None:
    assert found([["NOUN", "NOUN", "VERB"]], bio=False) == [(0, 1), (2, 2)]


def test_scconj_is_always_a_chunk_of_its_own() -> None:
    # its first letter is CoNLL's prefix for a single-token chunk
    assert found([["SCONJ", "SCONJ"]], bio=False) == [(0, 0), (1, 1)]


def test_cconj_and_sconj_are_two_types_unlike_in_seqeval_1_2_2() -> None:
    gold, predicted = [["SCONJ", "VERB"]], [["CCONJ", "VERB"]]
    vocabulary = Vocabulary.of({"SCONJ", "CCONJ", "VERB"}, bio=False)
    ends = [chunk_ends(flatten(s, vocabulary), vocabulary) for s in (gold, predicted)]
    assert chunk_counts(*ends, np.zeros(3, dtype=np.int64), 1).tolist() == [[1, 2, 2]]
    assert get_entities(gold[0])[0][0] == get_entities(predicted[0])[0][0] == "CONJ"


def test_a_chunk_does_not_cross_sentences() -> None:
    assert found([["NOUN"], ["NOUN"]], bio=False) == [(0, 0), (2, 2)]


@pytest.mark.parametrize(
    "tags", [["I-PER", "I-PER"], ["B-PER", "I-LOC"], ["O", "I-LOC", "B-LOC"], ["B-PER", "B-PER"]]
)
def test_ill_formed_bio_as_seqeval_reads_it(tags: list[str]) -> None:
    assert typed([tags]) == get_entities(tags)


@given(st.lists(st.lists(st.sampled_from(BIO), max_size=12), min_size=1, max_size=5))
def test_bio_chunks_are_seqevals(sentences: list[list[str]]) -> None:
    assert typed(sentences) == get_entities(sentences)


@given(st.lists(st.sampled_from(UPOS), max_size=20))
def test_plain_chunks_are_those_of_0_0_12(tags: list[str]) -> None:
    assert found([tags], bio=False) == [(b, e) for _, b, e in seqeval_0_0_12(tags)]
