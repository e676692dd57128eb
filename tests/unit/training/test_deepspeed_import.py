"""What a process that trains does not import."""

import subprocess
import sys

RANK = """
import sys
from xlgap.training.engine import process_group
with process_group(threads=1):
    assert "deepspeed" in sys.modules
    assert "mlflow" not in sys.modules
import mlflow
print(mlflow.__version__)
"""


def test_a_rank_has_no_mlflow_and_can_have_it_later():
    done = subprocess.run([sys.executable, "-c", RANK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
