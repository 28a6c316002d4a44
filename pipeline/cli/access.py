"""Commands about trust: `grant` opens the arms to a person before the unblinding, `verify` finds changes.

What does not belong here: what a grant opens (`monitor`), how anything is checked (`pipeline.access`,
`pipeline.integrity`).
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import click

from pipeline.cli.common import (
    raw_option,
    restricted_option,
    study_option,
    the_cut_offs,
    the_folders,
    the_study,
    warehouse_option,
)

FILE = click.Path(path_type=Path, dir_okay=False)
private_key_option = click.option(
    "--private-key", type=FILE, required=True, help="File of the authority's private key."
)


@click.group()
def grant() -> None:
    """Let a person see the arms before the unblinding: make an authority, issue a grant."""


@grant.command()
@study_option
@private_key_option
@raw_option
@restricted_option
@warehouse_option
def authority(
    study: str, private_key: Path, raw: Path | None, restricted: Path | None, warehouse: Path
) -> None:
    """Make the key pair of who grants access; the public key goes beside the treatment codes.

    The private key belongs to the authority (the board's chair, say) and to no machine of the study.
    """
    from pipeline.access.grants import make_authority

    folders = the_folders(the_study(study), raw, restricted, warehouse)
    with _told():
        make_authority(private_key, folders.grant_authority)
    click.echo(f"private key  {private_key} (keep it away from the study's data)")
    click.echo(f"public key   {folders.grant_authority}")


@grant.command()
@study_option
@private_key_option
@click.option("--cutoff", required=True, metavar="DATE", help="The cut-off or look that it opens.")
@click.option("--role", required=True, help="The person's role, DSMB_STAT.")
@click.option("--name", required=True, help="The person's name.")
@click.option("--purpose", required=True, help="What for.")
@click.option("--days", type=click.IntRange(min=1), required=True, help="Days it is good for, from today.")
@click.option("--out", type=FILE, required=True, help="File of the grant.")
def issue(
    study: str, private_key: Path, cutoff: str, role: str, name: str, purpose: str, days: int, out: Path
) -> None:
    """Sign a grant for one person, one cut-off and some days."""
    from pipeline.access.grants import issue_grant

    value = the_study(study)
    (cut_off,) = the_cut_offs(value, [cutoff])
    today = dt.datetime.now(dt.UTC).date()
    with _told():
        made = issue_grant(
            out,
            private_key,
            study=value.id,
            cutoff=cut_off,
            role=role,
            name=name,
            purpose=purpose,
            granted_on=today,
            expires=today + dt.timedelta(days=days - 1),
        )
    click.echo(f"{out}: {made.name} ({made.role}) may see the arms of {made.cutoff} until {made.expires}")


@click.command()
@study_option
@raw_option
@restricted_option
@warehouse_option
@click.option(
    "--noted",
    multiple=True,
    metavar="NUMBER:HASH",
    help="A last line of the access log that was kept elsewhere, as this command printed it.",
)
def verify(
    study: str, raw: Path | None, restricted: Path | None, warehouse: Path, noted: tuple[str, ...]
) -> None:
    """Compare everything that was written with what tells how it was; exit 1 if anything differs."""
    from pipeline.access import AccessError
    from pipeline.access.log import Head, head
    from pipeline.folders import WarehouseInUse, exclusive
    from pipeline.integrity import verify as compare

    folders = the_folders(the_study(study), raw, restricted, warehouse)
    if not folders.warehouse.is_dir():
        raise click.ClickException(f"there is no folder {folders.warehouse}")
    heads = {}
    for one in noted:
        number, _, digest = one.partition(":")
        if not number.isdecimal() or not digest:
            raise click.BadParameter(f"{one} is not NUMBER:HASH", param_hint="--noted")
        heads[f"who noted {one[:12]}"] = Head(int(number), digest)
    with ExitStack() as held:
        try:
            held.enter_context(exclusive(folders.warehouse))
        except WarehouseInUse as error:
            raise click.ClickException(str(error)) from None
        except OSError:  # a copy that can only be read is compared all the same
            pass
        try:
            verified = compare(folders, study, now=dt.datetime.now(dt.UTC), noted=heads)
        except OSError as error:
            raise click.ClickException(f"{error.filename} cannot be read: {error.strerror}") from None
    for finding in verified.findings:
        click.echo(finding)
    for left in verified.unchecked:
        click.echo(f"not checked: {left}")
    click.echo("compared: " + ", ".join(f"{count} {what}" for what, count in verified.checked.items()))
    with suppress(AccessError):
        last = head(folders.access_log)
        click.echo(f"last line of the access log, to be kept elsewhere: {last.number}:{last.hash}")
    if verified.findings:
        click.echo(f"{len(verified.findings)} findings")
        sys.exit(1)
    click.echo("nothing was changed")


@contextmanager
def _told() -> Iterator[None]:
    """What is refused ends the command in its sentence."""
    from pipeline.access import AccessError

    try:
        yield
    except AccessError as error:
        raise click.ClickException(str(error)) from None
