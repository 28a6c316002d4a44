"""Dagster's history on SQLite, with connections that stay open and transactions that hold whole events.

Dagster's own SQLite event log makes a new engine and connection for every event it writes: about 14 ms for
each asset check, and a run has more than a thousand. Kept open, and with one transaction per file for an
event or a batch of them, one costs about 2 ms. The files are the same, so Dagster's own class reads them
too. What does not belong here: anything about the pipeline.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

_OPEN_FILES = 4
"""The index and the runs last looked at: the web server looks at many, one file each."""


class PooledEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log, a pool of connections per file instead of one connection per statement."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        self._together: ExitStack | None = None
        self._joined: dict[str, Connection] = {}
        super().__init__(base_dir, inst_data)
        self._db_lock = threading.RLock()  # type: ignore[assignment]

    def has_table(self, table_name: str) -> bool:
        """Whether the index has the table; asked for every event, and a table once there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Close every file."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event in the file of its run and in the index, both or none."""
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of which all are there in the end, or none: a commit costs as much as an event."""
        with self._db_lock, ExitStack() as together:
            self._together = together
            try:
                for one in events:
                    super().store_event(one)
            finally:
                self._together = None
                self._joined.clear()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if self._together is None:
                with self._transaction(shard) as connection:
                    yield connection
                return
            if shard not in self._joined:
                self._joined[shard] = self._together.enter_context(self._transaction(shard))
            yield self._joined[shard]

    @contextmanager
    def _transaction(self, shard: str) -> Iterator[Connection]:
        engine = self._engines.pop(shard, None) or self._open(shard)
        self._engines[shard] = engine  # last: the first one is the one longest unused
        if len(self._engines) > _OPEN_FILES:
            self._engines.pop(next(iter(self._engines))).dispose()
        with engine.connect() as connection, connection.begin():
            yield connection

    def _open(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=QueuePool,
            connect_args={"timeout": 60, "check_same_thread": False},
        )
        # In WAL mode this loses at most the last events in a power cut, and never damages the file.
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=NORMAL"))
        self._initdb(engine)
        return engine


class PooledSqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage with `PooledEventLog`; named in dagster.yaml."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = PooledEventLog(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledSqliteStorage:
        """As Dagster calls it with the configuration of dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)
