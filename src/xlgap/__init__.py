"""xlgap: how the cross-lingual gap moves with model size."""

__version__ = "0.1.0"
