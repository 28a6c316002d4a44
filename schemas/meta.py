"""The shapes of what the warehouse tells about itself: its tables, their columns and where these come from.

What does not belong here: any study's table; what a release was made from.
"""

from __future__ import annotations

from schemas.base import Table, column

ORIGINS = ("Collected", "Derived", "Assigned", "Protocol", "Predecessor")


class MetaTables(Table):
    """Every table of this warehouse"""

    schema_name: str = column("Schema")
    table_name: str = column("Table")
    label: str = column("What the Table Holds")
    row_count: int = column("Number of Rows", ge=0)

    class Config:
        unique = ["schema_name", "table_name"]


class MetaColumns(Table):
    """Every column of every table of this warehouse"""

    schema_name: str = column("Schema")
    table_name: str = column("Table")
    position: int = column("Position in the Table", ge=1, comment="from 1")
    column_name: str = column("Column")
    data_type: str = column("DuckDB Type")
    label: str = column("Label")
    comment: str = column("Comment", required=False)
    required: bool = column("A Value in Every Row")
    key_position: int = column("Position in the Key", required=False, ge=1, comment="null: not in the key")
    codelist: str = column("Allowed Values", required=False, comment="separated by semicolons; null: any")

    class Config:
        unique = ["schema_name", "table_name", "column_name"]


class MetaLineage(Table):
    """What each tabulation and analysis variable is derived from, one row per source"""

    schema_name: str = column("Schema")
    table_name: str = column("Table")
    column_name: str = column("Column", comment="*: which rows the table has")
    position: int = column("Position of the Source", ge=1, comment="from 1")
    source_schema: str = column("Schema of the Source", required=False, comment="null: a value assigned")
    source_table: str = column("Table of the Source", required=False)
    source_column: str = column("Column of the Source", required=False)
    origin: str = column("Origin", codelist=ORIGINS, comment="as Define-XML 2.1 names it")
    derivation: str = column("Derivation", comment="a sentence")

    class Config:
        unique = ["schema_name", "table_name", "column_name", "position"]
