"""Zero-shot loss over linguistic distance, and what goes along with it."""
