"""The embedded data source, generated from Unicode CLDR."""
