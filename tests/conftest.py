"""A folder for temporary files, and release files in the official formats with invented text."""

from __future__ import annotations

import atexit
import copy
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from xlgap.mapping import read_mapping

# A job in the background has SIGINT ignored, and so would have what the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
# How long an example takes on a shared machine says nothing of the code.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

WORDS = {
    "en": ("boat", "river", "stone", "winter", "door"),
    "de": ("Boot", "Fluss", "Stein", "Winter", "Tür"),
    "ru": ("лодка", "река", "камень", "зима", "дверь"),
}
LABELS = ("entailment", "neutral", "contradiction")
TAGS = ("NOUN", "VERB", "NUM")
TATOEBA = {"de": "deu", "ru": "rus"}


def sentence(language: str, number: int) -> str:
    """A sentence of its own for each number, the same number of words in every language."""
    words = WORDS[language]
    return f"{words[number % 5]} {words[number // 5 % 5]} {number}"


def _pairs(language: str, start: int, premises: int) -> Iterator[tuple[str, str, str]]:
    for premise in range(start, start + premises):
        for i, label in enumerate(LABELS):
            yield sentence(language, premise), sentence(language, 1000 + 3 * premise + i), label


def _tsv(language: str, start: int, premises: int) -> str:
    return "".join("\t".join(pair) + "\n" for pair in _pairs(language, start, premises))


def _json_lines(start: int, premises: int) -> str:
    names = ("premise", "hypothesis", "label")
    pairs = (dict(zip(names, p, strict=True)) for p in _pairs("en", start, premises))
    return "".join(json.dumps(pair) + "\n" for pair in pairs)


def _conll(language: str, start: int, count: int) -> str:
    sentences = (sentence(language, n).split() for n in range(start, start + count))
    return "".join(
        "".join(f"{token}\t{tag}\n" for token, tag in zip(s, TAGS, strict=True)) + "\n"
        for s in sentences
    )


def _squad(language: str, start: int, paragraphs: int) -> str:
    found = []
    for n in range(start, start + paragraphs):
        context = f"{sentence(language, n)}. {sentence(language, 5000 + n)}."
        answer = str(n)
        place = {"text": answer, "answer_start": context.index(answer)}
        question = {"id": f"q{n}", "question": f"{sentence(language, 9000 + n)}?", "answers": [place]}
        found.append({"context": context, "qas": [question]})
    return json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": found}]})


def _files() -> Iterator[tuple[str, str]]:
    yield "intermediate_en/nli/mnli/train.jsonl", _json_lines(100, 20)
    yield "intermediate_en/nli/mnli/dev.jsonl", _json_lines(200, 5)
    yield "intermediate_en/qa/squad_v1.1/train_from_dev.json", _squad("en", 100, 30)
    yield "intermediate_en/qa/squad_v1.1/heldout_from_dev.json", _squad("en", 200, 10)
    yield "xtreme_r/udpos/train-en.tsv", _conll("en", 100, 40)
    for code in WORDS:
        yield f"xtreme_r/xnli/dev-{code}.tsv", _tsv(code, 300, 10)
        yield f"xtreme_r/xnli/test-{code}.tsv", _tsv(code, 0, 8)
        yield f"xtreme_r/udpos/dev-{code}.tsv", _conll(code, 200, 20)
        yield f"xtreme_r/udpos/test-{code}.tsv", _conll(code, 0, 15)
        yield f"xtreme_r/xquad/xquad.{code}.json", _squad(code, 0, 12)
        yield f"pretrain/{code}.txt", "".join(sentence(code, n) + "\n" for n in range(8, 60))
    for code, name in TATOEBA.items():
        pattern = f"xtreme_r/tatoeba/v1/tatoeba.{name}-eng."
        yield pattern + name, "".join(sentence(code, n) + "\n" for n in range(20))
        yield pattern + "eng", "".join(sentence("en", n) + "\n" for n in range(20))


def pytest_configure(config: pytest.Config) -> None:
    """Have temporary files of the tests, and of the programs they start, in one folder; remove it."""
    if hasattr(config, "workerinput"):
        return  # one of several processes, which has the folder from the first
    folder = tempfile.mkdtemp(prefix="xlgap-tests-")
    os.environ["TMPDIR"], tempfile.tempdir = folder, None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # the first one in is the last to run


@pytest.fixture(scope="module", autouse=True)
def settings_stay() -> Iterator[None]:
    """What a module sets for the programs under test is not left to the modules after it."""

    def known() -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if k.startswith(("XLGAP_", "MLFLOW_TRACKING_"))}

    before = known()
    yield
    assert known() == before


ONE_RANK = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_SIZE": "1"}


@pytest.fixture(scope="session")
def group_of_one() -> Iterator[Mapping[str, str]]:
    """A process group of this process alone, once: DeepSpeed keeps those of the first one for good.

    Gives the variables that training in it needs.
    """
    from xlgap.training.engine import process_group

    environment = dict(os.environ)
    with process_group(threads=1):
        os.environ.clear()
        os.environ.update(environment)
        yield ONE_RANK


@pytest.fixture
def one_rank(group_of_one: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What training in this process needs: the group, and variables that its children do not get."""
    for name, value in group_of_one.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def release_files(tmp_path: Path) -> Path:
    """A directory of release files of all real tasks in English, German and Russian."""
    root = tmp_path / "release"
    for name, text in _files():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
    return root


@pytest.fixture
def real_data(request: pytest.FixtureRequest) -> Path:
    """The real release files: the directory XLGAP_DATA, else ``../shared/data``; skips without."""
    checkout = request.config.rootpath
    root = checkout / (os.environ.get("XLGAP_DATA") or Path("..", "shared", "data"))
    if not root.is_dir():
        pytest.skip(f"no real data: {root} (XLGAP_DATA, else ../shared/data) is no directory")
    return root.resolve()


@pytest.fixture
def raw_real_study(request: pytest.FixtureRequest) -> Callable[..., dict]:
    """Makes the mapping of a study on real tasks; keyword arguments replace top-level keys.

    Numbers that these tests do not turn are those of the checkout's ``params.yaml``.
    """
    default = read_mapping(request.config.rootpath / "params.yaml")
    real = {
        "study": {"name": "real", "source": "release", "seeds": [1]},
        "languages": {"evaluation": ["en", "de", "ru"], "pretraining": ["en", "de", "ru"]},
        "arms": {
            "direct_en": {"regime": "direct_en"},
            "direct_de": {"regime": "direct_tgt", "language": "de"},
        },
        "tasks": {name: {} for name in ("udpos", "xnli", "xquad", "tatoeba")},
        "intermediate": {"mnli": {}, "squad": {}},
        "pretrain": {**default["pretrain"], "corpus_lines": 40, "positions": 512},
    }
    return lambda **changes: {**copy.deepcopy({**default, **real}), **changes}
