"""Start Prefect's server on PostgreSQL with a login; the passwords come from files."""

import os
from pathlib import Path

from secret_files import secret

# who held it is told by the number of a process, and in a container the next server has the same
LEASES = Path(os.environ["PREFECT_HOME"], "concurrency_leases")
(LEASES / "expirations.lock").unlink(missing_ok=True)

os.environ |= {
    "PREFECT_SERVER_DATABASE_DRIVER": "postgresql+asyncpg",
    "PREFECT_SERVER_DATABASE_HOST": os.environ.get("XLGAP_DATABASE_HOST", "postgres"),
    "PREFECT_SERVER_DATABASE_PORT": "5432",
    "PREFECT_SERVER_DATABASE_NAME": "prefect",
    "PREFECT_SERVER_DATABASE_USER": "prefect",
    "PREFECT_SERVER_DATABASE_PASSWORD": secret("prefect_database_password"),
    "PREFECT_SERVER_API_AUTH_STRING": secret("prefect_login"),
}
os.execvp("prefect", ["prefect", "server", "start", "--host", "0.0.0.0", "--port", "4200"])  # noqa: S104
