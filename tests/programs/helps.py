"""What programs say of themselves, asked in one process: imports take seconds each.

    python tests/programs/helps.py < LISTS_OF_WORDS.json

Words begin with ``prefect`` or with the path of a program; prints a list of texts, empty where
``--help`` ended with an error.
"""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys


def helped(words: list[str]) -> str:
    """What ``WORDS --help`` prints."""
    program, *rest = words
    said = io.StringIO()
    sys.argv = [program, *rest, "--help"]
    code: object = 0
    with contextlib.redirect_stdout(said):
        try:
            if program == "prefect":
                from prefect.cli import app

                app()
            else:
                sys.path.insert(0, program.rpartition("/")[0])
                runpy.run_path(program, run_name="__main__")
        except SystemExit as end:
            code = end.code
    return said.getvalue() if code in (0, None) else ""


if __name__ == "__main__":
    print(json.dumps([helped(words) for words in json.load(sys.stdin)]))
