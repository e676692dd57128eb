"""Start MLflow's server on PostgreSQL and S3 with logins, or bring its tables up to date.

    mlflow_server.py serve      the server
    mlflow_server.py upgrade    once after a change of MLflow's version; copy the database before

Passwords come from files and reach the server by its environment and a file of its own: no process
list has them.
"""

import os
import sys
from pathlib import Path

from secret_files import secret
from sqlalchemy import URL

HOSTS = "mlflow:5000,localhost:*,127.0.0.1:*,localhost,127.0.0.1"


def database(name: str) -> str:
    """The URI of a database of the role ``mlflow``."""
    password = secret("mlflow_database_password")
    host = os.environ.get("XLGAP_DATABASE_HOST", "postgres")
    url = URL.create("postgresql+psycopg2", "mlflow", password, host, 5432, name)
    return url.render_as_string(hide_password=False)


def serve() -> None:
    """Become the server."""
    settings = Path.home() / "mlflow-logins.ini"
    settings.touch(mode=0o600)
    uri = database("mlflow_logins").replace("%", "%%")  # as configparser reads it
    settings.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {uri}\nadmin_username = admin\n"
        "auth_cache_ttl_seconds = 60\n"  # else every request hashes the password anew
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    os.environ |= {
        "MLFLOW_BACKEND_STORE_URI": database("mlflow"),
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_PASSWORD": secret("mlflow_admin_password"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secret("mlflow_session_key"),
        "AWS_ACCESS_KEY_ID": secret("s3_access_key"),
        "AWS_SECRET_ACCESS_KEY": secret("s3_secret_key"),
    }
    os.environ.setdefault("MLFLOW_SERVER_ALLOWED_HOSTS", HOSTS)
    destination = os.environ.get("XLGAP_ARTIFACTS", "s3://mlflow/")
    workers = os.environ.get("XLGAP_MLFLOW_WORKERS", "2")
    command = ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", workers]  # noqa: S104
    command += ["--app-name", "basic-auth", "--artifacts-destination", destination]
    os.execvp(command[0], command)


def upgrade() -> None:
    """Bring the tables of runs up to date; those of logins are brought so by the server."""
    from mlflow.store.db.utils import _upgrade_db, create_sqlalchemy_engine

    _upgrade_db(create_sqlalchemy_engine(database("mlflow")))


if __name__ == "__main__":
    verbs = {"serve": serve, "upgrade": upgrade}
    if len(sys.argv) != 2 or sys.argv[1] not in verbs:
        sys.exit(f"mlflow_server.py: got {sys.argv[1:]}, allowed is one of {', '.join(verbs)}.")
    verbs[sys.argv[1]]()
