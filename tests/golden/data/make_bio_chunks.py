"""Writes bio_chunks.json: random BIO tags, ill-formed ones too, and the chunks that seqeval finds.

Run with seqeval 0.0.12, which the project does not install, in an environment of its own::

    python -m venv venv && venv/bin/pip install seqeval==0.0.12 && venv/bin/python make_bio_chunks.py
"""

import json
import random
from importlib.metadata import version
from pathlib import Path

from seqeval.metrics.sequence_labeling import get_entities

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
generator = random.Random(0)
vectors = []
for _ in range(60):
    sentences = [
        generator.choices(TAGS, k=generator.randint(1, 9)) for _ in range(generator.randint(1, 3))
    ]
    chunks = [[kind, int(begin), int(end)] for kind, begin, end in get_entities(sentences)]
    vectors.append(json.dumps({"tags": [" ".join(s) for s in sentences], "chunks": chunks}))
origin = json.dumps(f"seqeval {version('seqeval')}, get_entities, by make_bio_chunks.py")
text = f'{{"origin": {origin}, "vectors": [\n' + ",\n".join(vectors) + "\n]}\n"
Path(__file__).with_name("bio_chunks.json").write_text(text, encoding="utf8")
