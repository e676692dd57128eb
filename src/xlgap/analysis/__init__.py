"""From scores to gaps, slopes and answers."""
