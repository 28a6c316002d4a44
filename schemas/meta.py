"""The shapes of what the warehouse tells about itself: its tables and their columns.

What does not belong here: any study's table; what a release was made from.
"""

from __future__ import annotations

from schemas.base import Table, column


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
