"""A real small tokenizer for the tests of encoding and networks."""

import pytest

from xlgap.models.tokenizer import load_tokenizer, train_tokenizer

LINES = [
    "The cat sat on the mat in 1999 and the dog ran after 25 birds.",
    "Die Katze saß auf der Matte und der Hund lief 13 Vögeln nach.",
    "Кошка сидела на коврике, а собака бежала за птицами 7 дней.",
    "猫坐在垫子上,狗追着鸟跑了三天。",
    "Where did the cat sit and when did the dog run away from home?",
] * 8


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer(LINES, path, vocabulary=200)
    return load_tokenizer(path)
