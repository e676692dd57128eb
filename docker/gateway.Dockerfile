# The one container with a published port: HAProxy passes requests on to MLflow and Prefect, which
# have no way out of their network. See compose.yaml.
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE}
# Debian's stable release has no two versions of HAProxy side by side: a pinned one is gone with the
# next security fix.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends haproxy \
 && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/*
COPY docker/haproxy.cfg /etc/haproxy/haproxy.cfg
RUN haproxy -c -f /etc/haproxy/haproxy.cfg
RUN groupadd --gid 10001 xlgap \
 && useradd --uid 10001 --gid xlgap --no-log-init --no-create-home --home-dir /tmp xlgap
USER 10001:10001
EXPOSE 4200 5000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8404 && printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ' 200 ' <&3"]
ENTRYPOINT ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="xlgap-gateway" \
      org.opencontainers.image.description="HAProxy before MLflow and Prefect" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
