# An MLflow server with logins, for runs in PostgreSQL and artifacts in an S3 store. See compose.yaml.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS environment
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --quiet uv==0.13.8 \
 && python -m venv --without-pip /opt/venv
COPY docker/locks/mlflow.lock /tmp/
RUN /opt/uv/bin/uv pip install --quiet --python /opt/venv/bin/python -r /tmp/mlflow.lock
COPY docker/bin/prune.sh /tmp/
RUN sh /tmp/prune.sh /opt/venv && python -m compileall -q -j 0 /opt/venv

FROM ${BASE_IMAGE}
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    DO_NOT_TRACK=true \
    MLFLOW_DISABLE_TELEMETRY=true
RUN groupadd --gid 10001 xlgap \
 && useradd --uid 10001 --gid xlgap --no-log-init --no-create-home --home-dir /tmp xlgap
COPY --from=environment /opt/venv /opt/venv
COPY docker/bin/secret_files.py docker/bin/mlflow_server.py docker/bin/buckets.py /opt/xlgap/
WORKDIR /tmp
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 CMD ["python", "-I", "-c", \
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', 5000, timeout=4); c.request('GET', '/health'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "/opt/xlgap/mlflow_server.py"]
CMD ["serve"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="xlgap-mlflow" \
      org.opencontainers.image.description="MLflow server with logins, PostgreSQL and S3" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
