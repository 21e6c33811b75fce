"""remembers. One SQLite file behind SQLAlchemy; short transactions, one connection pool, numbered migrations."""
