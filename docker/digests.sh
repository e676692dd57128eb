#!/usr/bin/env bash
# Print, to be evaluated, the variables by which compose.yaml takes the images of images.lock by digest.
set -euo pipefail
cd "$(dirname "$0")"
declare -A variable=(
    [python]=XLGAP_PYTHON_IMAGE [debian]=XLGAP_DEBIAN_IMAGE
    [postgres]=XLGAP_POSTGRES_IMAGE [chrislusf/seaweedfs]=XLGAP_S3_IMAGE
)
while read -r image digest; do
    case $image in '#'* | '') continue ;; esac
    if ! [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]]; then
        echo "docker/images.lock: $image has no digest; 'make lock-images ASK=1' asks the registry for it." >&2
        exit 2
    fi
    echo "export ${variable[${image%%:*}]}=$image@$digest"
done <images.lock
