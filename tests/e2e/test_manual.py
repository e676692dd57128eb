"""The manual is built, opens without network in a browser, and its commands do what they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checkout import BIN, Checkout
from manual_pages import HISTORY, ROOT, Block, blocks, pages

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
needs_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs Chromium: apt-get install chromium chromium-driver",
)
FOUND = "return [...document.querySelectorAll('.md-search-result__link')].map(link => link.href)"
SHOWN = """
const pictures = [...document.querySelectorAll('article img')];
return pictures.length > 0 && pictures.every(one => one.complete && one.naturalWidth > 0);
"""
SHARED = "/mnt/shared"
"""Where pages say that a shared directory is; commands are run with one of the test's in its place."""

# -- building ----------------------------------------------------------------------------------------


def built(out: Path, source: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Build the manual of ``source`` strictly."""
    return subprocess.run(
        [BIN / "mkdocs", "build", "--strict", "--site-dir", str(out)],
        cwd=source,
        env={"PATH": str(BIN), "NO_MKDOCS_2_WARNING": "1", "HOME": str(out.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("manual") / "site"
    done = built(out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files that the manual is built from, to change."""
    folder = tmp_path / "source"
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE", "src"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.mark.parametrize(
    ("page", "text", "said"),
    [
        ("arms.md", "[a](nowhere.md)", "nowhere.md"),
        ("arms.md", "[a](regimes.md#nowhere)", "nowhere"),
        ("arms.md", "[a](../src/xlgap/nowhere.py)", "src/xlgap/nowhere.py, which is not there"),
        ("new.md", "# A page that nobody finds", "new.md"),
    ],
)
def test_what_leads_nowhere_stops_the_build(
    source: Path, tmp_path: Path, page: str, text: str, said: str
) -> None:
    with (source / "docs" / page).open("a", encoding="utf8") as file:
        file.write(f"\n{text}\n")
    done = built(tmp_path / "site", source)
    assert done.returncode != 0
    assert said in done.stderr


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Links may lead out; scripts, styles, pictures and fonts may not."""
    fetched = re.compile(r"<(?:script|img|iframe|source)[^>]* src=\"(https?:|//)[^\"]*\"")
    sheet = re.compile(r"<link[^>]* rel=\"(?:stylesheet|preconnect|icon)\"[^>]* href=\"(?:https?:|//)")
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf8")
        assert not fetched.search(text), page
        assert not sheet.search(text), page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:|//)", style.read_text(encoding="utf8")), style


def test_programs_of_the_manual_are_not_in_it(site: Path) -> None:
    assert not [path for path in site.rglob("*") if path.suffix in {".py", ".csv"}]


# -- in a browser ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser that reaches no network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs"))
        from screenshots import browser
    folder = tmp_path_factory.mktemp("browser")
    with browser(folder, "--host-resolver-rules=MAP * ~NOTFOUND") as opened:
        yield opened


@needs_chromium
@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("fertility", "method.html?h=fertility#robustness-question-2"),
        ("lookupcache", "launch.html?h=lookupcache#what-happens"),
        ("XLGAP_RENDEZVOUS", "launch.html?h=xlgap_rendezvous#the-variables"),
    ],
)
def test_opened_as_a_file_it_finds_words(site: Path, window: Any, word: str, page: str) -> None:
    window.open(f"{(site / 'index.html').as_uri()}?q={word}")
    window.wait("results of the search", FOUND)
    assert (site / page.partition("?")[0]).as_uri() + "?" + page.partition("?")[2] in window.run(FOUND)
    assert window.complaints(warnings=True) == []


@needs_chromium
def test_pages_show_their_pictures(site: Path, window: Any) -> None:
    for page in ("architecture.html", "mlflow_views.html"):
        window.open((site / page).as_uri())
        assert window.wait("the pictures", SHOWN), page
        assert window.complaints(warnings=True) == [], page


@needs_chromium
def test_no_page_has_an_error_on_the_console(site: Path, window: Any) -> None:
    of_servers = site / "404.html"  # whose addresses begin at a server's top
    for page in sorted({*site.rglob("*.html")} - {of_servers}):
        window.open(page.as_uri())
        assert window.complaints(warnings=True) == [], page


@needs_chromium
def test_an_error_on_the_console_would_be_noticed(window: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<script src="gone.js"></script><h1>x</h1>')
    window.open(page.as_uri())
    assert any("ERR_FILE_NOT_FOUND" in error for error in window.complaints(warnings=True))


# -- commands ----------------------------------------------------------------------------------------


def to_run(page: str) -> list[Block]:
    return [b for b in blocks(page) if b.language == "sh" and b.mark is None]


CLEANS = "docs/first_study.md"
"""The page whose commands end with the removal of all results: the last one."""
RUN = sorted(
    (page for page in pages() if not page.startswith(HISTORY) and to_run(page)),
    key=lambda page: (page == CLEANS, page),
)


@pytest.fixture(scope="module")
def desk(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with a complete small study, and the other studies beside it."""
    made = finished.copy(tmp_path_factory.mktemp("desk") / "checkout")
    shutil.copytree(ROOT / "studies", made.folder / "studies", dirs_exist_ok=True)
    return made


@pytest.mark.parametrize("page", RUN)
def test_commands_of_a_page_run(desk: Checkout, tmp_path: Path, page: str) -> None:
    parts = [f"echo '<<< {b.where} >>>' | tee /dev/stderr\n{b.text}" for b in to_run(page)]
    script = "set -euo pipefail\n" + "\n".join(parts).replace(SHARED, str(tmp_path))
    done = desk.run("bash", "-c", script, check=False)
    said = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert done.returncode == 0, f"{page}: the block after the last <<< >>> failed\n{said}"
    assert "Traceback" not in done.stderr, said


def test_the_manual_has_commands_that_are_run() -> None:
    assert {CLEANS, "docs/own_task.md", "docs/operations.md"} <= set(RUN)


# -- the example of a regime ------------------------------------------------------------------------


def test_a_regime_of_the_manual_is_one_file(tmp_path: Path, here: Checkout) -> None:
    """The example of a regime, added to a copy of the package, makes cells of the plan."""
    [block] = [b for b in blocks("docs/own_regime.md") if b.language == "python"]
    name = re.search(r'name = "(\w+)"', block.text)
    assert name
    (here.folder / "src" / "xlgap" / "regimes" / f"{name[1]}.py").write_text(block.text)
    arm = {"regime": name[1], "intermediate": ["lab_typing"], "language": "de"}
    here.write_params({**here.params, "arms": {**here.params["arms"], "both_de": arm}})
    planned = json.loads(here.xlgap("plan", "--json").stdout)["stages"]
    assert "finetune@one-both_de-lab_nli" in {stage["stage"] for stage in planned}
    phases = here.run(
        sys.executable,
        "-c",
        "from pathlib import Path; from xlgap.cell import grid; from xlgap.config import load_params\n"
        "cell = grid(load_params(Path('params.yaml'))).cell('one-both_de-lab_nli')\n"
        "print(*[(p.tasks, p.language) for p in (*cell.arm.warm_phases, *cell.phases)])",
    ).stdout
    assert phases.strip() == ("(('lab_typing',), 'en') (('lab_typing',), 'de') (('lab_nli',), 'en')")
