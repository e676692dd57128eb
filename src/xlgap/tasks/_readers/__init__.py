"""Readers of the official formats, one module a family of tasks: text in, rows out."""
