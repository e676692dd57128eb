"""From an analysis to a page, its figures and its tables."""
