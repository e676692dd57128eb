"""What must hold of the container files, without an engine: rights, passwords, versions."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
DOCKERFILES = [f for f in sorted(DOCKER.glob("*.Dockerfile")) if "ARG BASE_IMAGE" in f.read_text()]
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)$", re.MULTILINE)
ONCE = {"databases", "buckets", "deployments"}
VARIABLE = re.compile(r"\$\{\w+:-([^}]*)\}")


def pins(file: Path) -> dict[str, str]:
    return dict(PIN.findall(file.read_text()))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert "privileged" not in service
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))
    assert service["restart"] == (
        "no" if name in {"databases", "buckets", "deployments"} else "unless-stopped"
    )


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_asked_whether_it_works(name: str) -> None:
    service = SERVICES[name]
    if service["restart"] == "no":
        return
    dockerfile = service.get("build", {}).get("dockerfile")
    text = (ROOT / dockerfile).read_text() if dockerfile else ""
    assert "test" in service.get("healthcheck", {}) or "\nHEALTHCHECK --" in text


def test_only_the_gateway_has_ports_and_only_on_loopback() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"gateway"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["gateway"]["ports"])
    nets = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert {name for name, joined in nets.items() if "outside" in joined} == {"gateway"}
    assert {name for name, joined in nets.items() if joined > {"stores"}} == {"mlflow", "prefect"}
    assert all(COMPOSE["networks"][name]["internal"] is True for name in ("stores", "inside"))


def test_passwords_are_files_and_have_no_default() -> None:
    assert COMPOSE["secrets"]
    for secret in COMPOSE["secrets"].values():
        assert re.match(r"\$\{XLGAP_SECRETS:\?[^}]*make secrets[^}]*\}/\w+$", secret["file"])
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            assert not re.search("PASSWORD|SECRET|KEY|LOGIN|AUTH", name) or str(value).startswith(
                "/run/"
            )


def test_a_build_is_sent_no_secrets_and_no_results() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    assert "docker/*" in lines
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert not [name for name in allowed if "secret" in name or name in {"docker/.env", ".git"}]
    ignored = ["docker/secrets/x", "docker/secrets-test/x", "docker/.env"]
    done = subprocess.run(["git", "check-ignore", *ignored], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ignored


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.stem)
def test_a_dockerfile_can_be_built_by_digest_and_says_what_it_is(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"^#\s*syntax=|<<", text, re.MULTILINE)
    bases = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    assert bases <= {"${BASE_IMAGE}", "${WHEELS}"}
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1] == "10001:10001"
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in text
    assert re.search(r"^HEALTHCHECK ", text, re.MULTILINE)


def test_all_images_are_in_the_list_of_digests() -> None:
    lock = [
        line.split() for line in (DOCKER / "images.lock").read_text().splitlines() if line[0] != "#"
    ]
    named = {re.search(r"^ARG BASE_IMAGE=(\S+)", f.read_text(), re.MULTILINE)[1] for f in DOCKERFILES}
    images = {service["image"] for service in SERVICES.values()}
    named |= {VARIABLE.sub(r"\1", image) for image in images if not image.startswith("xlgap/")}
    assert {name for name, _ in lock} == named


def test_a_release_refuses_an_image_without_a_digest(tmp_path: Path) -> None:
    lock = (DOCKER / "images.lock").read_text()
    for name in ("digests.sh", "images.lock"):
        (tmp_path / name).write_bytes((DOCKER / name).read_bytes())
    (tmp_path / "images.lock").write_text(re.sub(r" \S+$", " -", lock, flags=re.MULTILINE))
    done = subprocess.run(["bash", tmp_path / "digests.sh"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "has no digest; 'make lock-images ASK=1'" in done.stderr
    digest = f" sha256:{'0' * 64}"
    (tmp_path / "images.lock").write_text(re.sub(r" -$", digest, lock, flags=re.MULTILINE))
    done = subprocess.run(["bash", tmp_path / "digests.sh"], capture_output=True, text=True)
    variables = re.findall(r"^export (XLGAP_\w+_IMAGE)=\S+@sha256:0{64}$", done.stdout, re.MULTILINE)
    text = (DOCKER / "compose.yaml").read_text()
    assert len(variables) == 4
    assert all(f"${{{variable}:-" in text for variable in variables)


def test_images_install_the_versions_of_the_lock() -> None:
    everything = pins(ROOT / "requirements.lock")
    for name, beside in (
        ("study", {"async-timeout"}),
        ("prefect", {"async-timeout"}),
        (
            "mlflow",
            {"boto3", "botocore", "flask-wtf", "jmespath", "psycopg2-binary", "s3transfer", "wtforms"},
        ),
    ):
        found = pins(DOCKER / "locks" / f"{name}.lock")
        assert set(found) - set(everything) <= beside
        assert {k: v for k, v in found.items() if k in everything}.items() <= everything.items()
    assert {"torch", "deepspeed", "dvc", "mlflow", "prefect"} <= set(
        pins(DOCKER / "locks" / "study.lock")
    )
    assert not {"pytest", "ruff", "mypy"} & set(pins(DOCKER / "locks" / "study.lock"))
