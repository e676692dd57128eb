#!/bin/sh
# Lay the image's checkout into /xlgap, which is a volume or the container's own layer, and run a command
# there. Sources of another image are replaced; studies, results, dvc.lock and the cache stay.
set -eu
from=/opt/xlgap to=/xlgap
cd "$to"
if ! [ -w . ]; then
    echo "xlgap: user $(id -u) cannot write to $to; mount a volume there that belongs to it." >&2
    exit 2
fi
exec 9>.image.lock
flock 9
if ! cmp -s "$from/.image" .image; then
    rm -rf .image src flows launch
    cp -Rp "$from/src" "$from/flows" "$from/launch" .
    cp -p "$from/pyproject.toml" "$from/dvc.yaml" "$from/prefect.yaml" "$from/.dvcignore" .
    mkdir -p .dvc studies
    cp -p "$from/.dvc/config" "$from/.dvc/config.local" .dvc/
    (cd "$from" && find params.yaml graph.yaml studies -type f) | while read -r name; do
        [ -e "$name" ] || cp -p "$from/$name" "$name"
    done
    cp "$from/.image" .image
fi
exec 9>&-
exec "$@"
