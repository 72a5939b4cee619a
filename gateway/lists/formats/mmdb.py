"""Format `mmdb`: a database of addresses (countries, owners of networks). Only its head is read here."""

from __future__ import annotations

from io import BytesIO


def nodes_in(content: bytes) -> int | None:
    """How many nodes the database holds, None if it is no database."""
    import maxminddb  # noqa: PLC0415 - most policies have no database

    try:
        with maxminddb.open_database(BytesIO(content), maxminddb.MODE_FD) as database:
            return database.metadata().node_count
    except (maxminddb.InvalidDatabaseError, ValueError, TypeError, LookupError):
        return None
