"""From release files, the hub or the lab to one schema for each kind of task."""
