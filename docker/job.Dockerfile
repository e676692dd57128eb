# The image of jobs that Prefect's docker and kubernetes workers start: the study's, running what it is told.
#   docker build -f docker/job.Dockerfile --build-arg IMAGE=xlgap:cpu -t xlgap/job:latest docker
ARG IMAGE=xlgap:cpu
FROM ${IMAGE}
ENV XLGAP_CHECKOUT=/xlgap
ENTRYPOINT ["/usr/bin/env"]
