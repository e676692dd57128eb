#!/bin/sh
# Write into a checkout, as .image, the digest of all its files, by which another image's is told.
set -eu
cd "${1:?a directory}"
find . -type f -exec sha256sum {} + >/tmp/files
sort /tmp/files | sha256sum >.image
