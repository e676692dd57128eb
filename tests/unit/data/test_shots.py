"""Few-shot rows: nested, drawn by seed, task and language, with labels in turns."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgap.data.shots import shots
from xlgap.errors import DataError
from xlgap.tasks import get_task

NLI, QA = get_task("lab_nli"), get_task("lab_qa")
LABELS = NLI.kind.labels


def rows(count, labels=LABELS):
    return [{"id": f"train-{n}", "label": labels[n * n % len(labels)]} for n in range(count)]


def ids(found):
    return [row["id"] for row in found]


@given(
    st.lists(st.sampled_from(LABELS), min_size=1, max_size=60),
    st.integers(0, 5),
    st.data(),
)
def test_fewer_shots_are_the_first_of_more(labels, seed, data):
    given_rows = [{"id": str(n), "label": label} for n, label in enumerate(labels)]
    more = data.draw(st.integers(1, len(given_rows)))
    few = data.draw(st.integers(1, more))
    for task in (NLI, QA):
        how = {"task": task, "language": "sw", "seed": seed}
        large = shots(given_rows, more, **how)
        assert shots(given_rows, few, **how) == large[:few]
        assert len({row["id"] for row in large}) == more
        shuffled = data.draw(st.permutations(given_rows))
        assert shots(shuffled, more, **how) == large  # the file's order changes nothing


@given(st.integers(1, 30), st.integers(0, 3))
def test_labels_take_turns(count, seed):
    found = shots(rows(90), count, task=NLI, language="sw", seed=seed)
    each = Counter(row["label"] for row in found)
    have = Counter(row["label"] for row in rows(90))
    assert set(each) <= set(have)
    if count <= min(have.values()) * len(have):
        assert max(each.values()) - min([each[label] for label in have]) <= 1


def test_a_label_that_is_used_up_leaves_its_turns_to_the_others():
    few = [*rows(8, LABELS[:1]), {"id": "other", "label": LABELS[1]}]
    found = shots(few, 6, task=NLI, language="sw", seed=1)
    assert Counter(row["label"] for row in found) == {LABELS[0]: 5, LABELS[1]: 1}


def test_seeds_tasks_and_languages_draw_their_own():
    drawn = {
        (task.name, language, seed): tuple(
            ids(shots(rows(60), 12, task=task, language=language, seed=seed))
        )
        for task in (NLI, QA)
        for language in ("sw", "de")
        for seed in (1, 2)
    }
    assert len(set(drawn.values())) == len(drawn)


def test_too_few_rows_are_told():
    with pytest.raises(
        DataError, match=r"'lab_nli' has 9 training rows in 'sw', but an arm asks for 10"
    ):
        shots(rows(9), 10, task=NLI, language="sw", seed=1)
