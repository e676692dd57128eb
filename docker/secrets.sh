#!/usr/bin/env bash
# Write the passwords of compose.yaml: secrets.sh [DIRECTORY]. What is there stays; nothing is shown.
#
# The directory is for its owner alone (0700), and so are the files in it. Their own mode is 0444: a
# container gets one as a mount, and its user, who is not the host's, has to read it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
directory=$(realpath -m "${1:-$here/secrets}")
mkdir -p "$directory"
chmod 0700 "$directory"
umask 077

write() { # NAME TEXT
    [ -s "$directory/$1" ] && return
    printf '%s' "$2" >"$directory/.new"
    chmod 0444 "$directory/.new"
    mv "$directory/.new" "$directory/$1"
}

random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

write postgres_password "$(random 24)"
write mlflow_database_password "$(random 24)"
write prefect_database_password "$(random 24)"
write mlflow_admin_password "$(random 16)"
write mlflow_session_key "$(random 32)"
write prefect_login "admin:$(random 16)"
write s3_access_key "$(random 10)"
write s3_secret_key "$(random 24)"

if [ $# -eq 0 ]; then
    { grep -v '^XLGAP_SECRETS=' "$here/.env" 2>/dev/null || true; echo "XLGAP_SECRETS=$directory"; } >"$here/.env.new"
    mv "$here/.env.new" "$here/.env"
fi
echo "passwords are in $directory: mlflow_admin_password (user admin) and prefect_login are those of the two pages." >&2
