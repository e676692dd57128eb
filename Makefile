# The whole of xlgap from a fresh clone: `make repro`, `make test`. Everything is installed into .venv.
# STUDY=studies/NAME.yaml chooses another study; TORCH=cpu|auto|cu130 the build of torch (auto: detect a GPU).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3.11
TORCH ?= cpu
STUDY ?=
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DVC_NO_ANALYTICS := 1
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: repro test check ui plan graph clean docs lock audit help install

help:  ## list the targets
	@grep -h -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

install: $(VENV)/.installed  ## make .venv with the locked versions

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { echo "xlgap needs Python 3.11 with venv: set PYTHON=/path/to/python3.11"; exit 2; }
	@$(BIN)/pip install --quiet --disable-pip-version-check uv
	@# a wheel directory that pip is configured with (PIP_FIND_LINKS or pip.conf) serves torch, too
	@links="$${PIP_FIND_LINKS:-$$($(BIN)/pip config get global.find-links 2>/dev/null || true)}"; \
	 if [ -n "$$links" ]; then export UV_FIND_LINKS="$$links"; backend=; else backend="--torch-backend=$(TORCH)"; fi; \
	 $(BIN)/uv pip install --quiet --system-certs --compile-bytecode --python $(BIN)/python $$backend -r requirements.lock; \
	 $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --no-deps --editable .
	@touch $@

repro: install  ## the main job: run a study through its graph, end with the report (STUDY=studies/NAME.yaml)
	@xlgap run $(if $(STUDY),--study $(STUDY)) --workers $(WORKERS)

test: install  ## all tests
	@pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: install  ## ruff, mypy --strict, import layers
	@ruff check . && ruff format --check . && mypy && lint-imports

ui: install  ## the MLflow UI on the local store
	@xlgap ui

plan: install  ## what a study will compute, before anything runs
	@xlgap plan $(if $(STUDY),--study $(STUDY)) --workers $(WORKERS)

graph: install  ## write the mapping of cells that dvc.yaml iterates
	@xlgap graph $(if $(STUDY),--study $(STUDY))

audit: install  ## known vulnerabilities of what is installed, here and in images, by PyPI's advisories; what is explained in docs/security.md is left out
	@$(BIN)/uv tool run --quiet pip-audit==2.10.1 --strict --disable-pip --no-deps $(addprefix -r ,requirements.lock $(wildcard docker/locks/*.lock)) $(shell sed -n 's/^| `\(\(GHSA\|PYSEC\|CVE\)-[^`]*\)`.*/--ignore-vuln \1/p' docs/security.md)

docs: install  ## build the manual into site/, which needs no network; write its parts that are made from code
	@python docs/programs/made.py
	@NO_MKDOCS_2_WARNING=1 mkdocs build --strict
	@echo "manual: $(CURDIR)/site/index.html"

lock: install  ## write requirements.lock again from what is installed
	@{ head -2 requirements.lock; $(BIN)/uv pip freeze --python $(BIN)/python --exclude-editable | sed 's/+[a-z0-9]*$$//' | grep -v -E '^(uv|pip|wheel)=='; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:  ## remove results, stores and scratch of all studies; keeps .venv and the DVC cache
	@if [ -x $(BIN)/xlgap ]; then xlgap clean; fi

include docker/targets.mk
