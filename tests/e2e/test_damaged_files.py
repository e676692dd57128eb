"""Damaged files and odd surroundings: one sentence on the file and what to do, or no harm."""

import pytest

pytestmark = pytest.mark.e2e

RELEASE = {
    "study": {"name": "real", "source": "release", "seeds": [1]},
    "arms": {"direct_en": {"regime": "direct_en"}},
    "tasks": {"udpos": {"max_length": 64}},
    "intermediate": {},
}


def put(checkout, name, content):
    """A file of the checkout, as text or bytes."""
    path = checkout.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def refused(checkout, *words, **environment):
    """The one sentence that a command ends with."""
    done = checkout.xlgap(*words, check=False, **environment)
    said = done.stderr.strip()
    assert done.returncode == 2, said
    assert len(said.splitlines()) == 1, said
    assert said.startswith("error: ")
    return said


def test_a_damaged_manifest_of_release_files(here, release_files):
    here.write_params({**here.params, **RELEASE})
    here.xlgap("graph", XLGAP_DATA=str(release_files))
    (release_files / "MANIFEST.json").write_text('{"files": [{}]}')
    said = refused(here, "prepare", "udpos", XLGAP_DATA=str(release_files))
    assert "MANIFEST.json: files[0].path must be a text, got nothing" in said


def test_a_damaged_manifest_of_a_prepared_task(here):
    put(here, "data/prepared/lab_nli/manifest.json", "{}")
    for words in (["plan"], ["validate", "lab_nli"]):
        said = refused(here, *words)
        assert "data/prepared/lab_nli/manifest.json: s" in said
        assert "fetch or make it again." in said


def test_a_graph_that_is_no_text_is_written_again(here):
    before = (here.folder / "graph.yaml").read_bytes()
    put(here, "graph.yaml", b"\xff\xfe" + before)
    here.xlgap("graph")
    assert (here.folder / "graph.yaml").read_bytes() == before


def test_a_file_where_a_folder_should_be(here):
    put(here, "results/scores", "x")
    said = refused(here, "report", "--partial", "score@lab_nli")
    assert "results/scores" in said
    assert "a file stands where a folder should be" in said


def test_a_folder_where_a_file_should_be(here):
    (here.folder / "graph.yaml").unlink()
    (here.folder / "graph.yaml").mkdir()
    assert "graph.yaml: a folder stands where a file should be" in refused(here, "graph")


def test_a_value_that_is_no_text(here):
    text = (here.folder / "params.yaml").read_text()
    put(here, "params.yaml", text.replace("name: tiny", 'name: !!binary "/w=="'))
    assert "key 'study.name': must be text; got b'\\xff'." in refused(here, "plan")


def test_an_output_that_lacks_letters(here):
    said = here.xlgap("plan", PYTHONIOENCODING="latin-1", COLUMNS="150").stdout
    assert "lab_nli" in said
    assert "???" in said  # a line of the table


def test_a_reader_who_has_seen_enough(here):
    done = here.run(
        "bash", "-c", "set -o pipefail; xlgap graph | true", check=False, PYTHONUNBUFFERED=""
    )
    assert done.returncode == 141
    assert done.stderr == ""
