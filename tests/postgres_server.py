"""The sandbox's PostgreSQL server, for tests."""

from sandbox.postgres_server import PostgresServer, running_postgres

__all__ = ["PostgresServer", "running_postgres"]
