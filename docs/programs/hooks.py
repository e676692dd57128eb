"""What mkdocs is told beside ``mkdocs.yml``: pages from the checkout's own files, links out of docs/.

``CHANGELOG.md``, ``CONTRIBUTING.md`` and the licence stand where every project has them; the manual has
them as pages. A link of a page to a file outside of ``docs/`` (``../src/xlgap/cell.py``) cannot be
followed in a built manual: it becomes the file's name, and is an error where there is no such file.
"""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
LOG = logging.getLogger("mkdocs.hooks.xlgap")
BORROWED = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
"""Pages of the manual that are files of the checkout."""
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_WEB = re.compile(r"[a-z]+:|#")
_FENCE = re.compile(r"^(```.*?^```[^\S\n]*$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages that stand outside of ``docs/``."""
    for page, source in BORROWED.items():
        text = (ROOT / source).read_text(encoding="utf8")
        files.append(File.generated(config, page, content=moved(text)))
    return files


def moved(text: str) -> str:
    """A file of the checkout's top as a page of ``docs/``: its links begin there.

    >>> moved("[a](docs/log.md#x), [b](CHANGELOG.md), [c](https://e.org)")
    '[a](log.md#x), [b](../CHANGELOG.md), [c](https://e.org)'
    """

    def target(link: re.Match[str]) -> str:
        path = link["target"]
        where = path if _WEB.match(path) else posixpath.relpath(path, "docs")
        return f"[{link['text']}]({where})"

    return _outside_of_fences(text, lambda part: _LINK.sub(target, part))


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn links that leave ``docs/`` into names of files, those to borrowed pages into links."""
    folder = posixpath.dirname(page.file.src_uri)
    borrowed = {source: name for name, source in BORROWED.items()}

    def target(link: re.Match[str]) -> str:
        path, _, anchor = link["target"].partition("#")
        place = posixpath.normpath(posixpath.join("docs", folder, path))
        if _WEB.match(link["target"]) or place.startswith("docs/"):
            return link[0]
        if place in borrowed:
            where = posixpath.relpath(borrowed[place], folder or ".")
            return f"[{link['text']}]({where}{f'#{anchor}' if anchor else ''})"
        if not (ROOT / place).exists():
            LOG.warning("%s links to %s, which is not there", page.file.src_uri, place)
        return f"{link['text']} (`{place}`)" if place not in link["text"] else link["text"]

    return _outside_of_fences(markdown, lambda part: _LINK.sub(target, part))


def _outside_of_fences(text: str, change: Callable[[str], str]) -> str:
    return "".join(p if p.startswith("```") else change(p) for p in _FENCE.split(text))
