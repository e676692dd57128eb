#!/bin/sh
# Remove from a virtual environment what no program reads: tests of libraries and headers for compilers.
set -eu
site=$(echo "${1:?a virtual environment}"/lib/python3*/site-packages)
[ -d "$site" ] || { echo "prune: no site-packages under $1" >&2; exit 1; }
for package in numpy pandas scipy sklearn pyarrow statsmodels matplotlib networkx sympy numba; do
    if [ -d "$site/$package" ]; then find "$site/$package" -type d -name tests -prune -exec rm -rf {} +; fi
done
rm -rf "$site"/torch/include "$site"/torch/test "$site"/torch/share/cmake "$site"/pyarrow/include "$site"/pyarrow/src
if [ -d "$site/torch/bin" ]; then find "$site/torch/bin" -type f ! -name torch_shm_manager -delete; fi
# Python 3.12's syntax: an error when everything is compiled
rm -f "$site"/torch/testing/_internal/py312_intrinsics.py
find "$site" -name '*.a' -delete
find "$1" -type d -name __pycache__ -prune -exec rm -rf {} +
