# The default study on CPUs, in one image: environment, code and the command that runs it.
#   docker build -f docker/cpu.Dockerfile -t xlgap:cpu .
#   docker run --init --name study xlgap:cpu && docker cp study:/xlgap/report .
# torch comes from PyTorch's index of CPU builds, or, without that, as a wheel from an image:
#   tar -c -C DIRECTORY . | docker import - wheels && docker build --build-arg WHEELS=wheels ...
ARG BASE_IMAGE=python:3.11-slim-bookworm
ARG WHEELS=scratch

FROM ${WHEELS} AS wheels

FROM ${BASE_IMAGE} AS environment
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --quiet uv==0.13.8
COPY requirements.lock /tmp/
RUN --mount=type=bind,from=wheels,target=/wheels \
    if ls /wheels/torch-*.whl >/dev/null 2>&1; then set -- --find-links /wheels; \
    else set -- --torch-backend=cpu; fi; \
    /opt/venv/bin/uv pip install --quiet --python /opt/venv/bin/python "$@" -r /tmp/requirements.lock \
 && /opt/venv/bin/pip uninstall --quiet --yes uv
COPY pyproject.toml README.md /xlgap/
COPY src /xlgap/src
RUN /opt/venv/bin/pip install --quiet --no-deps --editable /xlgap \
 && /opt/venv/bin/python -m compileall -q /xlgap/src

FROM ${BASE_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="xlgap" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/home/xlgap \
    SHELL=/bin/sh \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    DO_NOT_TRACK=true \
    DVC_NO_ANALYTICS=1 \
    HF_HUB_DISABLE_TELEMETRY=1 \
    HF_HUB_OFFLINE=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    PREFECT_SERVER_ANALYTICS_ENABLED=false
RUN groupadd --gid 10001 xlgap \
 && useradd --uid 10001 --gid xlgap --create-home --home-dir /home/xlgap xlgap \
 && install -d -o xlgap -g xlgap /xlgap
COPY --from=environment /opt/venv /opt/venv
WORKDIR /xlgap
COPY --chown=xlgap:xlgap . .
USER xlgap
# There is no git in the image: DVC works without it, and versions are the image's revision.
RUN dvc config --local core.no_scm true
ENTRYPOINT ["xlgap"]
CMD ["run", "--workers", "2"]
