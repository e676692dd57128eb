"""Writes average_precision.json: rankings whose every candidate is in them, and sklearn's value.

Run in the project's environment; the file says which scikit-learn wrote it::

    python make_average_precision.py
"""

import json
import random
from pathlib import Path

import sklearn
from sklearn.metrics import average_precision_score

generator = random.Random(0)
vectors = []
for _ in range(30):
    count = generator.randint(2, 20)
    right = [generator.random() < 0.4 for _ in range(count)]
    right[generator.randrange(count)] = True
    value = float(average_precision_score(right, [-place for place in range(count)]))
    vectors.append(json.dumps({"right": "".join("01"[flag] for flag in right), "value": value}))
origin = json.dumps(
    f"scikit-learn {sklearn.__version__}, metrics.average_precision_score, "
    "by make_average_precision.py; right: from the first place to the last"
)
text = f'{{"origin": {origin}, "vectors": [\n' + ",\n".join(vectors) + "\n]}\n"
Path(__file__).with_name("average_precision.json").write_text(text, encoding="utf8")
