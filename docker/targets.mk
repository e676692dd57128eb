# Containers. GPU=1 takes the worker with GPUs, RELEASE=1 the images of docker/images.lock by digest.
GPU ?=
RELEASE ?=
OVERRIDE ?=
COMPOSE = docker compose -f docker/compose.yaml $(if $(GPU),-f docker/compose.gpu.yaml) $(if $(OVERRIDE),-f $(OVERRIDE))
DIGESTS = $(if $(RELEASE),digests="$$(docker/digests.sh)"; eval "$$digests";)
export XLGAP_VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
export XLGAP_REVISION := $(shell git describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || echo unknown)

.PHONY: secrets images up down study-in-containers lint-containers test-containers lock-images

secrets:  ## write the passwords of the containers, where there are none
	@docker/secrets.sh

images:  ## build the images of the containers
	@$(DIGESTS) $(COMPOSE) build

up:  ## start PostgreSQL, S3, MLflow, Prefect and a worker in containers
	@test -f docker/.env || { echo "there are no passwords yet, and none by default; write them with 'make secrets'."; exit 2; }
	@$(DIGESTS) $(COMPOSE) up --build --detach --wait --remove-orphans
	@echo "MLflow: http://127.0.0.1:$${XLGAP_MLFLOW_PORT:-5000} Prefect: http://127.0.0.1:$${XLGAP_PREFECT_PORT:-4200}"

down:  ## stop the containers; their data stay
	@$(COMPOSE) down

study-in-containers:  ## run a study through Prefect in the containers (STUDY=studies/tiny.yaml), copy its report out
	@docker/study.sh $(or $(STUDY),studies/tiny.yaml) build/containers -- $(COMPOSE)

lint-containers: install  ## hadolint, trivy, shellcheck and compose's own check
	@docker/lint.sh

test-containers: install lint-containers  ## build the images, run the stack and a study in it (needs a Docker engine, 10 minutes)
	@XLGAP_TEST_CONTAINERS=1 pytest tests/e2e/test_container.py tests/e2e/test_stack.py

lock-images: install  ## write docker/locks; ASK=1 also docker/images.lock, from the registry
	@docker/lock.sh $(if $(ASK),--digests)
