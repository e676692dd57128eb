"""Whether the model hub answers, and how the machine would speak to it."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial

from huggingface_hub import get_token

from xlgap.doctor.finding import Finding

HUB = "https://huggingface.co"
ENDPOINT, OFFLINE = "HF_ENDPOINT", "HF_HUB_OFFLINE"
"""Variables of the hub's client."""
SECONDS = 5.0
OFF = frozenset({"", "0", "false", "no", "off"})

_of_network = partial(Finding, part="network")


def hub_answers() -> tuple[bool, str]:
    """Whether the hub can be asked, and what came back."""
    if os.environ.get(OFFLINE, "").lower() not in OFF:
        return False, f"{OFFLINE} is set"
    address = os.environ.get(ENDPOINT) or HUB
    if not address.startswith(("http://", "https://")):
        return False, f"{ENDPOINT} is no web address"
    try:
        request = urllib.request.Request(address, method="HEAD")  # noqa: S310 (http and https alone)
    except ValueError as error:
        return False, f"{ENDPOINT} is no web address ({error})"
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return True, f"answers (HTTP {answer.status})"
    except urllib.error.HTTPError as error:
        return error.code < 500, f"answers (HTTP {error.code})"
    except http.client.InvalidURL as error:
        return False, f"{ENDPOINT} is no web address ({error})"
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return False, f"cannot be reached ({reason})"


def network_findings(hub: tuple[bool, str]) -> Iterator[Finding]:
    """The hub, and whether there is a token for it; the token itself is never shown.

    Args:
        hub: from :func:`hub_answers`.
    """
    there, said = hub
    yield _of_network(
        name="model hub",
        found=said,
        state="ok" if there else "note",
        advice="" if there else "what is of the hub must lie in a directory or in its client's cache.",
    )
    found = "none: public checkpoints alone can be had" if get_token() is None else "there is one"
    yield _of_network(name="hub token", found=found)
