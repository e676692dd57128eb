"""Expectations on prepared data, built from the declaration of a task."""
