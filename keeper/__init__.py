"""Plex Keeper: keeps a Plex Media Server up and its library whole. Start reading at keeper/README.md."""

__version__ = "0.1.0"
