"""No file that could be somebody else's is unpickled, executed or unpacked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READS = ("src", "flows", "benchmarks", "docs")
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
ARCHIVES = {"zipfile", "tarfile", "lzma", "bz2", "gzip"}
CALLS = {
    "eval", "exec", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all",
    "shutil.unpack_archive", "pandas.read_pickle", "pd.read_pickle",
}  # fmt: skip
LOADERS = {"CSafeLoader", "yaml.CSafeLoader", "yaml.SafeLoader", "_UniqueKeys"}

ALLOWED = {
    # a file of the installed package Babel, as trusted as its code, which unpickles it itself
    ("src/xlgap/lab/cldr.py", "pickle"),
    # a file of this package
    ("src/xlgap/published/loader.py", "gzip"),
    # JSON that a study writes; one file, no names in it
    ("src/xlgap/formats.py", "lzma"),
}
"""File and module; each is needed, see :func:`test_no_exception_is_left_over`."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in READS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def faults(tree: ast.Module) -> Iterator[str]:
    """Calls that may run what a file says."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if name in CALLS or name.endswith((".extractall", ".extract")):
            yield f"{name} at line {node.lineno}"
        if name == "torch.load" and given.get("weights_only") != "True":
            yield f"torch.load at line {node.lineno}"
        if name in {"np.load", "numpy.load"} and given.get("allow_pickle", "False") != "False":
            yield f"np.load at line {node.lineno}"
        if name == "yaml.load":
            loader = given.get("Loader") or (ast.unparse(node.args[1]) if len(node.args) > 1 else "")
            if loader not in LOADERS:
                yield f"yaml.load at line {node.lineno}"
        if given.get("trust_remote_code", "False") != "False":
            yield f"trust_remote_code at line {node.lineno}"
        if given.get("shell", "False") != "False":
            yield f"a shell at line {node.lineno}"


def test_nothing_is_unpickled_unpacked_or_executed() -> None:
    found = [
        f"{path}: {fault}"
        for path, tree in sources()
        for fault in (
            *faults(tree),
            *(m for m in set(imports(tree)) & (MODULES | ARCHIVES) if (path, m) not in ALLOWED),
        )
    ]
    assert found == []


def test_no_exception_is_left_over() -> None:
    there = {(path, module) for path, tree in sources() for module in imports(tree)}
    assert there >= ALLOWED


def test_what_is_looked_for_is_found() -> None:
    bad = (
        "torch.load(p)", "torch.load(p, weights_only=False)", "np.load(p, allow_pickle=True)",
        "yaml.load(t)", "yaml.load(t, yaml.UnsafeLoader)", "tar.extractall(d)", "eval(t)",
        "subprocess.run(t, shell=True)", "AutoModel.from_pretrained(n, trust_remote_code=True)",
    )  # fmt: skip
    assert all(list(faults(ast.parse(line))) for line in bad)
    good = ("torch.load(p, weights_only=True)", "yaml.load(t, yaml.CSafeLoader)", "model.eval()")
    assert not any(list(faults(ast.parse(line))) for line in good)
