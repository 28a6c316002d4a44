"""The `pipeline` command. A new command is a function in a module of this package and a name in COMMANDS.

Every command imports what it needs when it is called, so that `--help` and `sql` answer at once. What does
not belong here: any computation, any text that a release holds.
"""

from __future__ import annotations

import click

from pipeline.cli.access import grant, verify
from pipeline.cli.calibrate import calibrate
from pipeline.cli.conform import conform
from pipeline.cli.design import design
from pipeline.cli.diff import diff
from pipeline.cli.export import export
from pipeline.cli.lineage import lineage
from pipeline.cli.monitor import monitor
from pipeline.cli.pilot import pilot
from pipeline.cli.qc import qc
from pipeline.cli.query import compare, sql, trace
from pipeline.cli.run import run
from pipeline.cli.simulate import simulate
from pipeline.cli.subjects import subjects

COMMANDS = (
    run,
    grant,
    monitor,
    design,
    simulate,
    calibrate,
    qc,
    compare,
    sql,
    trace,
    subjects,
    lineage,
    export,
    conform,
    verify,
    diff,
    pilot,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A clinical trial from raw case-report forms to its results, in a warehouse that answers SQL."""


for _command in COMMANDS:
    main.add_command(_command)
