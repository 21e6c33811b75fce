"""The commands: what `python -m keeper` does, one file per matter."""
