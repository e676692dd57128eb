#!/usr/bin/env bash
# Run a study through Prefect in the containers and copy its report out:
#   study.sh STUDY_FILE DIRECTORY -- docker compose -f docker/compose.yaml
# The report is then in DIRECTORY/NAME/report.
set -euo pipefail
if [ $# -lt 4 ] || [ "$3" != -- ]; then
    echo "study.sh: write STUDY_FILE DIRECTORY -- COMPOSE COMMAND." >&2
    exit 2
fi
study=$1 out=$2 logins=/opt/xlgap/docker/bin/logins.sh
shift 3
name=$(basename "$study" .yaml)
if ! [ -f "$study" ] || [ "$study" = "$name" ]; then
    echo "study.sh: $study is no study file; write one such as studies/tiny.yaml." >&2
    exit 2
fi
if ! [[ $name =~ ^[A-Za-z0-9_-]+$ ]]; then
    echo "study.sh: the name $name may have letters, digits, '_' and '-' alone." >&2
    exit 2
fi
"$@" exec -T worker sh -c "cat >studies/$name.yaml" <"$study"
"$@" exec -T worker "$logins" prefect deployment run study/study --param "study=studies/$name.yaml" --watch
mkdir -p "$out/$name"
"$@" exec -T worker tar -c -C "studies/$name" report | tar -x -C "$out/$name" --no-same-owner
echo "the report: $out/$name/report/index.html"
