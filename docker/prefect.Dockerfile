# A Prefect server with a login, for flow runs in PostgreSQL. See compose.yaml.
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
COPY docker/locks/prefect.lock /tmp/
RUN /opt/uv/bin/uv pip install --quiet --python /opt/venv/bin/python -r /tmp/prefect.lock
COPY docker/bin/prune.sh /tmp/
RUN sh /tmp/prune.sh /opt/venv && python -m compileall -q -j 0 /opt/venv

FROM ${BASE_IMAGE}
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    DO_NOT_TRACK=true \
    PREFECT_HOME=/var/lib/prefect \
    PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem \
    PREFECT_SERVER_UI_STATIC_DIRECTORY=/tmp/prefect-ui \
    PREFECT_SERVER_ANALYTICS_ENABLED=false
RUN groupadd --gid 10001 xlgap \
 && useradd --uid 10001 --gid xlgap --no-log-init --no-create-home --home-dir /tmp xlgap \
 && install --directory --owner=xlgap --group=xlgap /var/lib/prefect
COPY --from=environment /opt/venv /opt/venv
COPY docker/bin/secret_files.py docker/bin/prefect_server.py /opt/xlgap/
WORKDIR /tmp
USER 10001:10001
EXPOSE 4200
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 CMD ["python", "-I", "-c", \
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', 4200, timeout=4); c.request('GET', '/api/health'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "/opt/xlgap/prefect_server.py"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="xlgap-prefect" \
      org.opencontainers.image.description="Prefect server with a login and PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
