# The image of jobs that Prefect's docker and kubernetes workers start: the study's, running what it is told
# in the checkout, which is laid into the volume /xlgap.
#   docker build -f docker/job.Dockerfile --build-arg IMAGE=xlgap/cpu:VERSION -t xlgap/job:latest docker
ARG IMAGE=xlgap/cpu:0.1.0
FROM ${IMAGE}
ENV XLGAP_CHECKOUT=/xlgap
ENTRYPOINT ["/opt/xlgap/docker/bin/checkout.sh"]
USER 10001:10001
HEALTHCHECK NONE
