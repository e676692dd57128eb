"""The machine that this process runs on: its memory, its disks, what a plan may take it for."""
