"""Secrets that are mounted as files."""

import sys
from pathlib import Path

FOLDER = Path("/run/secrets")


def secret(name: str) -> str:
    """What the file of a secret holds; ends the program with one sentence where that is nothing."""
    file, do = FOLDER / name, "'make secrets' writes it on the host."
    try:
        text = file.read_text().strip()
    except OSError as error:
        sys.exit(
            f"xlgap: {file} cannot be read ({error.strerror}); 'make secrets' writes it on the host."
        )
    if not text:
        sys.exit(f"xlgap: {file} is empty; {do}")
    return text
