"""The size ladder: tokenizers, networks, exact sizes, hub checkpoints."""
