"""Make the buckets of the S3 store that are missing: ``buckets.py NAME...``."""

import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from secret_files import secret

store = boto3.client(
    "s3",
    endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"],
    aws_access_key_id=secret("s3_access_key"),
    aws_secret_access_key=secret("s3_secret_key"),
    config=Config(retries={"mode": "standard", "max_attempts": 8}),
)
for name in sys.argv[1:]:
    try:
        store.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            sys.exit(f"xlgap: bucket {name}: {error}")
        store.create_bucket(Bucket=name)
        print(f"made the bucket {name}")
