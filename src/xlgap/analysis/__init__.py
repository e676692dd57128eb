"""From scores to gaps, slopes, answers and the report."""
