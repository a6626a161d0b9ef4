"""The second step of a sign-in: a code that the person's phone makes of a secret and the time (RFC 6238).

Codes of the half minute before and after count, too, for clocks differ. None is taken twice. For a lost phone there are
recovery codes, each of which counts once.
"""

import hashlib
import secrets

import pyotp
import segno

from aggregator.people.errors import NoAccountError
from aggregator.people.sealing import Sealer, SealError
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

_SQL = load_queries(__package__, "second_step.sql")
ISSUER = "Hawkline"
STEP_S = 30
_STEPS_OFF = 1
RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Those that nobody takes for another."""
_GROUPS, _GROUP = 4, 4
"""A recovery code: 79 bits, which nobody finds out from its hash."""


def new_secret() -> str:
    """For a phone: base32."""
    return pyotp.random_base32()


def uri(name: str, secret: str) -> str:
    """What the phone reads in the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def drawn(name: str, secret: str) -> str:
    """The picture for the phone: a QR code as a `data:` address of an SVG."""
    return str(segno.make(uri(name, secret), error="m").svg_data_uri(scale=5, border=3, light="#fff"))


def step_of(secret: str, code: str, at_s: float) -> int | None:
    """Of which half minute a code is; None: of none that counts now.

    Args:
        at_s: seconds since 1970.
    """
    said, now, phone = "".join(code.split()), int(at_s) // STEP_S, pyotp.TOTP(secret)
    if len(said) != phone.digits or not said.isascii() or not said.isdigit():
        return None
    for step in range(now - _STEPS_OFF, now + _STEPS_OFF + 1):
        if step >= 0 and secrets.compare_digest(phone.at(step * STEP_S), said):
            return step
    return None


def set_up(connection: Connection, sealer: Sealer, name: str, secret: str, step: int) -> list[str]:
    """Ask an account for a code from now on; returns its recovery codes, this once.

    Args:
        step: of the code that has shown that the phone has the secret: it is not taken again.

    Raises:
        NoAccountError: there is no such account.
    """
    values = {"name": name, "totp": sealer.seal(_purpose(name), secret), "step": step}
    if not connection.execute(_SQL["set_up"], values).rowcount:
        raise NoAccountError(f"there is no account {name!r}")
    return make_recovery_codes(connection, name)


def make_recovery_codes(connection: Connection, name: str) -> list[str]:
    """New ones; those before count no more."""
    codes = ["-".join(_group() for _ in range(_GROUPS)) for _ in range(RECOVERY_CODES)]
    connection.execute(_SQL["forget_codes"], {"name": name})
    for code in codes:
        connection.execute(_SQL["add_code"], {"name": name, "hash": _digest(code)})
    return codes


def is_passed(connection: Connection, sealer: Sealer, name: str, code: str, at_s: float) -> bool:
    """Whether a code lets an account in, which it does this once: of the phone, or a recovery code.

    Args:
        at_s: seconds since 1970.
    """
    row = connection.execute(_SQL["hold"], {"name": name}).fetchone()
    if row is None or row["totp"] is None:
        return False
    try:
        step = step_of(sealer.open(_purpose(name), bytes(row["totp"]), str), code, at_s)
    except SealError:  # our key is another: recovery codes still count, and an administrator can reset it
        step = None
    if step is not None:
        return bool(connection.execute(_SQL["take_step"], {"name": name, "step": step}).rowcount)
    return bool(connection.execute(_SQL["take_code"], {"name": name, "hash": _digest(code)}).rowcount)


def remove(connection: Connection, name: str) -> bool:
    """Ask an account for no code any more; returns whether it was asked for one."""
    connection.execute(_SQL["forget_codes"], {"name": name})
    return bool(connection.execute(_SQL["remove"], {"name": name}).rowcount)


def codes_left(connection: Connection, name: str) -> int:
    """Recovery codes that still count."""
    row = connection.execute(_SQL["codes_left"], {"name": name}).fetchone()
    return int(row["left"]) if row else 0


def dead_phones(connection: Connection, sealer: Sealer | None) -> list[str]:
    """Accounts whose phone's secret cannot be opened, as after a restore without secrets.

    Args:
        sealer: None where there is no key at all.
    """
    dead = []
    for row in connection.execute(_SQL["phones"]):
        try:
            if sealer is None:
                raise SealError(row["name"])
            sealer.open(_purpose(row["name"]), bytes(row["totp"]), str)
        except SealError:
            dead.append(str(row["name"]))
    return dead


def _purpose(name: str) -> str:
    return f"totp of {name}"


def _group() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_GROUP))


def _digest(code: str) -> bytes:
    plain = "".join(each for each in code.casefold() if each.isalnum())
    return hashlib.sha256(plain.encode()).digest()
