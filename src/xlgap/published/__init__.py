"""Published results on transfer and model size, as the row type of measured ones."""

from xlgap.published.loader import load_known_disagreements, load_languages, load_scores

__all__ = ["load_known_disagreements", "load_languages", "load_scores"]
