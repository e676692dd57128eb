#!/bin/sh
# Make the databases and roles of MLflow and Prefect, where they are missing, and set the roles'
# passwords to those of the secrets, so that a new password takes one restart.
set -eu
for name in postgres_password mlflow_database_password prefect_database_password; do
    if ! [ -s "/run/secrets/$name" ]; then
        echo "xlgap: /run/secrets/$name is missing or empty; 'make secrets' writes it on the host." >&2
        exit 2
    fi
done
PGPASSWORD=$(cat /run/secrets/postgres_password)
# a statement with a password in it is written to no log of the server
PGOPTIONS='-c log_statement=none -c log_min_error_statement=panic -c log_min_duration_statement=-1'
export PGPASSWORD PGOPTIONS PGHOST="${XLGAP_DATABASE_HOST:-postgres}" PGUSER=postgres PGCONNECT_TIMEOUT=10
for role in mlflow prefect; do
    {
        echo "\\set role $role"
        echo "\\set password \`cat /run/secrets/${role}_database_password\`"
        echo "select format('create role %I login', :'role')"
        echo " where not exists (select from pg_roles where rolname = :'role') \\gexec"
        echo "alter role :\"role\" password :'password';"
    } | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname postgres
done
for pair in mlflow:mlflow mlflow_logins:mlflow prefect:prefect; do
    {
        echo "\\set name ${pair%:*}"
        echo "\\set role ${pair#*:}"
        echo "select format('create database %I owner %I', :'name', :'role')"
        echo " where not exists (select from pg_database where datname = :'name') \\gexec"
        echo "revoke all on database :\"name\" from public;"
    } | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname postgres
done
