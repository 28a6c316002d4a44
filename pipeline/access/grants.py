"""Grants: that a person in a role may see the arms of one cut-off for some days, signed by an authority.

A grant is a small JSON file. The authority signs it (Ed25519) with a key of its own; its public key lies
beside the treatment codes, for who keeps the codes decides whom they trust. What does not belong here: what
a grant opens.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.access import AccessError
from pipeline.access.log import append, canonical, moment, refusals_logged, shown
from pipeline.folders import sha256

if TYPE_CHECKING:  # loading it takes longer than most commands
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

UNBLINDED_ROLES = ("DSMB_STAT",)
"""Who may see the arms before the unblinding: the statistician who reports to the monitoring board. The data
manager and the study team may not."""
_SIGNED_AS = b"clinical-trial-grant-1\n"
"""Stands before what is signed, so that a signature made for another purpose is none here."""
_LARGEST = 65_536


class GrantError(AccessError):
    """A grant that opens nothing; the message says why."""


@dataclass(frozen=True)
class Grant:
    """That `name`, in this role, may see the arms of one cut-off until the day `expires`, and what for.

    signature: of the authority over all other fields, in hexadecimal.
    """

    study: str
    cutoff: str
    role: str
    name: str
    purpose: str
    granted_on: dt.date
    expires: dt.date
    signature: str

    @property
    def public(self) -> dict[str, str]:
        """What logs and manifests tell of it: all but the signature, of which they hold the hash.

        The whole file would open the arms to anybody who finds it in a log.
        """
        told = {name: str(value) for name, value in asdict(self).items() if name != "signature"}
        return told | {"sha256": sha256(self.signature.encode())}


def make_authority(private_key: Path, public_key: Path) -> None:
    """Make the key pair of a granting authority; raises AccessError where either file is there already.

    The private key is for the authority alone (mode 0600); the public key goes beside the treatment codes.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    for path in (private_key, public_key):
        if path.exists() or path.is_symlink():
            raise AccessError(f"{path} is there already: grants signed with the old key would be void")
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    _write_new(private_key, private, 0o600)
    _write_new(public_key, public, 0o644)


def issue_grant(
    path: Path,
    private_key: Path,
    *,
    study: str,
    cutoff: str,
    role: str,
    name: str,
    purpose: str,
    granted_on: dt.date,
    expires: dt.date,
) -> Grant:
    """Sign a grant and write it to `path` (mode 0600); raises GrantError where it would open nothing."""
    claims = Grant(study, cutoff, role, name.strip(), purpose.strip(), granted_on, expires, signature="")
    if fault := _role_fault(role):
        raise GrantError(fault)
    if not claims.name or not claims.purpose:
        raise GrantError("a grant names a person and a purpose")
    if expires < granted_on:
        raise GrantError(f"a grant of {granted_on} cannot expire on {expires}")
    signature = _private_key(private_key).sign(_signed_text(claims)).hex()
    grant = Grant(**{**vars(claims), "signature": signature})
    text = json.dumps({name: str(value) for name, value in vars(grant).items()}, indent=2, ensure_ascii=False)
    _write_new(path, text.encode() + b"\n", 0o600)
    return grant


def read_grant(path: Path | None, public_key: Path, *, study: str, cutoff: str, today: dt.date) -> Grant:
    """The grant of that file, if it opens this study's cut-off today; raises GrantError with the reason.

    public_key: the authority's, beside the treatment codes. today: in UTC; the grant's own days count.
    """
    if path is None:
        raise GrantError("results by arm need a grant before the unblinding, and none was given")
    grant = _parse_grant(path)
    _check_signature(grant, public_key)
    if grant.study != study:
        raise GrantError(f"the grant is for the study {shown(grant.study)}, not for {study}")
    if grant.cutoff != cutoff:
        raise GrantError(f"the grant is for the cut-off {shown(grant.cutoff)}, not for {cutoff}")
    if fault := _role_fault(grant.role):
        raise GrantError(fault)
    if today < grant.granted_on:
        raise GrantError(f"the grant is not valid yet: it begins on {grant.granted_on}")
    if today > grant.expires:
        raise GrantError(f"the grant has expired: its last day was {grant.expires}")
    return grant


def use_grant(
    log: Path, path: Path | None, public_key: Path, *, study: str, cutoff: str, now: dt.datetime, run: str
) -> Grant:
    """As `read_grant`, with the answer in the log, be it yes or no, before anybody hears it.

    now: in UTC. run: which run asks. Raises GrantError (refused) or AccessError (it cannot be logged).
    """
    asked = {"at": moment(now), "study": study, "cut_off": cutoff, "run": run}
    with refusals_logged(log, asked):
        grant = read_grant(path, public_key, study=study, cutoff=cutoff, today=now.date())
    append(log, {**asked, "action": "grant used", "grant": grant.public})
    return grant


def _parse_grant(path: Path) -> Grant:
    if not path.is_file():
        raise GrantError(f"there is no grant {path}")
    if path.stat().st_size > _LARGEST:
        raise GrantError(f"{path.name} is not a grant: it is larger than {_LARGEST} bytes")
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise GrantError(f"the grant {path.name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise GrantError(f"{path.name} is not a grant: it is not JSON") from None
    if not isinstance(value, dict):
        raise GrantError(f"{path.name} is not a grant: it is not an object")
    known = [field.name for field in fields(Grant)]
    if missing := [name for name in known if name not in value]:
        raise GrantError(f"{path.name} is not a grant: it lacks {', '.join(missing)}")
    if unknown := sorted(set(value) - set(known)):
        raise GrantError(f"{path.name} is not a grant: no grant has a field {shown(unknown[0])}")
    if wrong := [name for name in known if not isinstance(value[name], str) or not value[name].strip()]:
        raise GrantError(f"{path.name} is not a grant: {wrong[0]} is not text")
    dates = {name: _date(path, name, value[name]) for name in ("granted_on", "expires")}
    return Grant(**{**value, **dates})


def _date(path: Path, name: str, text: str) -> dt.date:
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        date = None
    if date is None or date.isoformat() != text:
        raise GrantError(f"{path.name} is not a grant: {name} is not a date (YYYY-MM-DD)")
    return date


def _role_fault(role: str) -> str | None:
    if role in UNBLINDED_ROLES:
        return None
    return f"the role {shown(role)} may not see the arms; only {', '.join(UNBLINDED_ROLES)} may"


def _check_signature(grant: Grant, public_key: Path) -> None:
    from cryptography.exceptions import InvalidSignature

    wrong = GrantError("the grant's signature is not that of the granting authority over what it says")
    try:
        signature = bytes.fromhex(grant.signature)
    except ValueError:
        raise wrong from None
    if signature.hex() != grant.signature:  # one signature has one spelling, so that every edit shows
        raise wrong
    try:
        _public_key(public_key).verify(signature, _signed_text(grant))
    except InvalidSignature:
        raise wrong from None


def _signed_text(grant: Grant) -> bytes:
    claims = {name: str(value) for name, value in vars(grant).items() if name != "signature"}
    return _SIGNED_AS + canonical(claims)


def _public_key(path: Path) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError:
        raise GrantError(
            f"no grant can be checked: there is no {path.name} beside the treatment codes"
        ) from None
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise GrantError(f"no grant can be checked: {path.name} is not an Ed25519 public key")
    return key


def _private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise GrantError(f"the authority's private key {path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise GrantError(f"{path} is not an Ed25519 private key")
    return key


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that was not there, with this mode from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise AccessError(f"{path} is there already") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
