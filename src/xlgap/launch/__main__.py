"""A process on another host: ``python -m xlgap.launch ENVIRONMENT.json COMMAND ...``.

What pdsh starts has a bare environment; it takes over that of the command that was called, but for what
the launcher has told it, and becomes ``xlgap COMMAND ...``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Become the command."""
    file, *words = sys.argv[1:]
    environment = {**os.environ, **json.loads(Path(file).read_text(encoding="utf8"))}
    os.execve(sys.executable, [sys.executable, "-u", "-m", "xlgap", *words], environment)


if __name__ == "__main__":
    main()
