#!/bin/sh
# Bring the Prefect server to what the deployments need, and make the deployments of prefect.yaml.
set -eu
python flows/provision.py
prefect --no-prompt deploy --all
python flows/provision.py # again: deployments refuse parameters that they do not have
