"""Made-up files of pairs: of tab-separated columns and of lines of JSON."""

from __future__ import annotations

import json
from typing import Any

NLI = ("entailment", "neutral", "contradiction")
PAWSX = "xtreme_v1/pawsx"
DEV = [(f"boat {n} meets ship {n}", f"ship {n} meets boat {n}", str(n % 2)) for n in range(40)]


def tsv(rows: list[tuple[str, ...]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


def json_text(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def nli_rows(count: int, label: str = "label", **names: str) -> list[dict[str, Any]]:
    first, second = names.get("first", "premise"), names.get("second", "hypothesis")
    return [{first: f"p{n // 3} {first}", second: f"h{n}", label: NLI[n % 3]} for n in range(count)]
