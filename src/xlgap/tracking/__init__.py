"""Where runs are shown."""
