#!/bin/sh
# SeaweedFS as an S3 store in one container. Without keys it would let everyone in: then it does not start.
set -eu
for name in s3_access_key s3_secret_key; do
    if ! [ -s "/run/secrets/$name" ]; then
        echo "xlgap: /run/secrets/$name is missing or empty; 'make secrets' writes it on the host." >&2
        exit 2
    fi
done
umask 077
printf '{"identities": [{"name": "xlgap", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}\n' \
    "$(cat /run/secrets/s3_access_key)" "$(cat /run/secrets/s3_secret_key)" >/tmp/s3.json
# its other servers ask for no key: they stay in the container
exec weed -logtostderr=true server -dir=/data -ip=127.0.0.1 -ip.bind=127.0.0.1 -s3.ip.bind=0.0.0.0 \
    -master.volumeSizeLimitMB=1024 -volume.max=0 -filer -s3 -s3.port=9000 -s3.config=/tmp/s3.json
