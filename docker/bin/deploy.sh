#!/bin/sh
# Make the work pool, where it is missing, and the deployments of prefect.yaml.
set -eu
prefect work-pool inspect xlgap >/dev/null 2>&1 || prefect --no-prompt work-pool create xlgap --type process
prefect --no-prompt deploy --all
