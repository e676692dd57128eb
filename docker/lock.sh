#!/usr/bin/env bash
# Write docker/locks/*.lock: what each image installs, in the versions of requirements.lock. With --digests
# also docker/images.lock: the digests of the images that the Dockerfiles and compose.yaml name, asked of
# their registry (needs Docker's buildx and the network).
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { # SOURCE LOCK
    uv pip compile --quiet --python-version 3.11 --no-annotate --no-header --constraint requirements.lock "$1" |
        { echo "# Written by 'make lock-images' from $1 with the versions of requirements.lock. Do not edit."; cat; } >"$2.new"
    mv "$2.new" "$2"
}
for name in mlflow prefect; do compile "docker/locks/$name.in" "docker/locks/$name.lock"; done
# PyPI's torch is the CUDA build: what it brings, and what GPUs alone want, is the lock of the GPU image
compile pyproject.toml docker/locks/study.lock
compile docker/locks/train.in docker/locks/train.lock
cuda='^(cuda|nvidia|triton)[a-z0-9-]*=='
{
    head -n 1 docker/locks/train.lock
    { grep -E "$cuda" docker/locks/study.lock; grep -v '^#' docker/locks/train.lock; } | sort -u | grep -v -x -F -f <(grep -v -E "$cuda" docker/locks/study.lock)
} >docker/locks/train.lock.new
mv docker/locks/train.lock.new docker/locks/train.lock
grep -v -E "$cuda" docker/locks/study.lock >docker/locks/study.lock.new
mv docker/locks/study.lock.new docker/locks/study.lock

[ "${1:-}" = --digests ] || exit 0
{
    sed -n '/^#/p' docker/images.lock
    sed '/^#/d' docker/images.lock | while read -r image _; do
        echo "$image $(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}')"
    done
} >docker/images.lock.new
mv docker/images.lock.new docker/images.lock
