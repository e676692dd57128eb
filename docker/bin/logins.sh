#!/bin/sh
# Run a command with the logins to Prefect and MLflow that the container's secrets hold.
set -eu
secret() {
    file=${XLGAP_SECRETS_DIR:-/run/secrets}/$1
    if ! [ -s "$file" ]; then
        echo "xlgap: $file is missing or empty; 'make secrets' writes it on the host." >&2
        exit 2
    fi
    cat "$file"
}
PREFECT_API_AUTH_STRING=$(secret prefect_login)
MLFLOW_TRACKING_PASSWORD=$(secret mlflow_admin_password)
export PREFECT_API_AUTH_STRING MLFLOW_TRACKING_PASSWORD MLFLOW_TRACKING_USERNAME=admin
exec "$@"
