"""Claims of papers, each judged by a study's own numbers."""
