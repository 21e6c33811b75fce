"""touches. Real things behind the ports: the clock, Plex over HTTP, this host, log files."""
