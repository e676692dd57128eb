"""YAML files that hold a mapping, ``params.yaml`` above all: no key may stand twice in it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from xlgap.errors import ConfigError


class _UniqueKeys(yaml.CSafeLoader):
    """Safe YAML in which a key that stands twice in a mapping is an error, not the last one's win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # "<<": keys merged in may be given anew
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # the parent class refuses it
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_mapping(path: Path) -> dict[str, Any]:
    """The YAML mapping in ``path``.

    Raises:
        ConfigError: no such file, no valid YAML, or no mapping.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf8"), Loader=_UniqueKeys)  # noqa: S506 (is safe)
    except (FileNotFoundError, IsADirectoryError) as error:
        what = "a directory, not a file" if path.is_dir() else "no such file"
        message = f"{path}: {what}; run in a study's directory or name a file in studies/."
        raise ConfigError(message) from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no text, no such date, a huge number
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{path}{at}: not valid YAML ({problem}).") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, got {type(raw).__name__}.")
    return raw
