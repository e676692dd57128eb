# Studies on NVIDIA GPUs: as cpu.Dockerfile, with PyPI's torch, which is the build for CUDA 13. The driver
# (580 or later) is the host's, by nvidia-container-toolkit; CUDA's libraries come as wheels, so that the
# base is a slim one.
#   docker build -f docker/train.Dockerfile -t xlgap:train .
#   docker run --gpus all --init --shm-size 8g --name study xlgap:train
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS environment
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    UV_HTTP_TIMEOUT=300 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --quiet uv==0.13.8 \
 && python -m venv --without-pip /opt/venv
COPY docker/locks/study.lock docker/locks/train.lock /tmp/
RUN /opt/uv/bin/uv pip install --quiet --python /opt/venv/bin/python -r /tmp/study.lock -r /tmp/train.lock
COPY docker/bin/prune.sh /tmp/
RUN sh /tmp/prune.sh /opt/venv && python -m compileall -q -j 0 /opt/venv
# The checkout is laid into /xlgap when a container starts, and there the package is imported from.
COPY pyproject.toml README.md /xlgap/
COPY src /xlgap/src
RUN /opt/uv/bin/uv pip install --quiet --python /opt/venv/bin/python --no-deps --no-build-isolation --editable /xlgap
COPY . /opt/xlgap
RUN sh /opt/xlgap/docker/bin/stamp.sh /opt/xlgap \
 && python -m compileall -q /opt/xlgap/src /opt/xlgap/flows \
 && printf '[core]\n    no_scm = true\n' >/opt/xlgap/.dvc/config.local \
 && chmod 0755 /opt/xlgap/docker/bin/*.sh

FROM ${BASE_IMAGE}
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/home/xlgap \
    SHELL=/bin/sh \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    DO_NOT_TRACK=true \
    DVC_NO_ANALYTICS=1 \
    DVC_SITE_CACHE_DIR=/xlgap/.dvc/tmp/site \
    HF_HUB_DISABLE_TELEMETRY=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    PREFECT_SERVER_ANALYTICS_ENABLED=false
RUN groupadd --gid 10001 xlgap \
 && useradd --uid 10001 --gid xlgap --no-log-init --create-home --home-dir /home/xlgap xlgap \
 && install -d -o xlgap -g xlgap /xlgap
COPY --from=environment /opt/venv /opt/venv
COPY --from=environment /opt/xlgap /opt/xlgap
WORKDIR /xlgap
USER 10001:10001
ENTRYPOINT ["/opt/xlgap/docker/bin/checkout.sh", "xlgap"]
CMD ["run", "--workers", "1"]
# A study ends by itself; who lets a worker run asks that worker, see compose.yaml.
HEALTHCHECK NONE
ARG VERSION=unknown
ARG REVISION=unknown
ENV XLGAP_IMAGE="xlgap-train:${VERSION}@${REVISION}"
LABEL org.opencontainers.image.title="xlgap-train" \
      org.opencontainers.image.description="Studies of the cross-lingual gap on NVIDIA GPUs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
