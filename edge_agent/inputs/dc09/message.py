"""Messages of SIA DC-09, as bytes and back: framing, checksum, encryption, and the answers of a receiver.

Source: ANSI/SIA DC-09-2021, and what panels send that keep less closely to it: a checksum as two bytes, a NUL behind
the end, texts in Windows-1252.

A frame is LF, CRC, length, body, CR. The length says where it ends, for a CRC in two bytes may hold any byte.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from shared.errors import HawklineError

LF, CR = b"\n", b"\r"
MOST_BYTES = 0xFFF
"""Of a body: its length has three digits."""
EARLIEST, LATEST = timedelta(seconds=-40), timedelta(seconds=20)
"""From our time, when an encrypted message may have been sent."""
KEY_BYTES = 16, 24, 32
_BLOCK = 16
_HEADS = re.compile(rb'(?:([0-9A-Fa-f]{4})|(..))0([0-9A-Fa-f]{3})(?=")', re.DOTALL)
_LONGEST_HEAD = 8
_BODY = re.compile(
    r'"(\*?)([A-Z0-9-]{2,12})"(\d{4})(?:R([0-9A-Fa-f]{1,6}))?L([0-9A-Fa-f]{0,6})#([0-9A-Fa-f]{1,16})\[(.*)', re.DOTALL
)
_PLAIN = re.compile(r"([^\[\]]*)\]((?:\[[^\[\]]*\])*)(?:_(\d\d:\d\d:\d\d,\d\d-\d\d-\d{4}))?", re.DOTALL)
_BARE = re.compile(r"[^\[\]|]*(\](?:\[[^\[\]]*\])*_\d\d:\d\d:\d\d,\d\d-\d\d-\d{4})", re.DOTALL)
_TIME = "%H:%M:%S,%m-%d-%Y"


class Dc09Error(HawklineError):
    """The bytes are no message that can be read; the text has no key and no content in it."""


class SealError(Dc09Error):
    """It is encrypted and there is no key for it, or another one; or it is plain where a key is agreed on."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        identifier: `SIA-DCS`, `ADM-CID`, `NULL` …, without the star of an encrypted one.
        sequence: four digits.
        receiver: as the panel names it, hexadecimal; None where it does not, which its answer has to repeat.
        prefix: of the account.
        account: hexadecimal digits.
        content: behind the account that stands in the data once more, such as `Nri1/BA01`.
        extended: further data, each as it stood between its brackets.
        sent_at: by the panel's clock, which is said to be UTC.
        encrypted: whether it was.
        in_bytes: whether its checksum came as two bytes; then its answer's has to.
    """

    identifier: str
    sequence: str
    receiver: str | None
    prefix: str
    account: str
    content: str = ""
    extended: tuple[str, ...] = ()
    sent_at: datetime | None = None
    encrypted: bool = False
    in_bytes: bool = False

    @property
    def is_poll(self) -> bool:
        """It says that its panel is there, and nothing else."""
        return self.identifier == "NULL"


def crc(body: bytes) -> int:
    """CRC-16/ARC: polynomial 0x8005 reflected, beginning with 0."""
    value = 0
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def framed(body: bytes, *, in_bytes: bool = False) -> bytes:
    """A body between its head and its end.

    Args:
        body: from its first quotation mark on.
        in_bytes: write the checksum as two bytes, for a panel that does.
    """
    checksum = crc(body).to_bytes(2, "big") if in_bytes else f"{crc(body):04X}".encode()
    return LF + checksum + f"0{len(body):03X}".encode() + body + CR


def next_frame(buffer: bytes) -> tuple[bytes | None, int]:
    """The first whole frame of what has come.

    Returns:
        Its bytes between LF and CR, None where there is none yet; and how many bytes of the buffer are done with.
    """
    start = buffer.find(LF)
    while start >= 0:
        head = _HEADS.match(buffer, start + 1)
        if head is None:
            if len(buffer) - start - 1 <= _LONGEST_HEAD:
                return None, start  # what follows may make it one
        else:
            end = head.end() + int(head[3], 16)
            if len(buffer) <= end:
                return None, start
            if buffer[end : end + 1] == CR:
                return buffer[start + 1 : end], end + 1
        start = buffer.find(LF, start + 1)
    return None, len(buffer)


def parse(frame: bytes, key: bytes | None = None) -> Message:
    """Read a frame.

    Args:
        frame: what stands between LF and CR.
        key: of 16, 24 or 32 bytes, of its account; None reads what is plain.

    Raises:
        SealError: it cannot be opened, or is plain though there is a key.
        Dc09Error: checksum or length are wrong, or it is no message.
    """
    body = _checked(frame)
    found = _BODY.fullmatch(body.decode("cp1252", "replace"))
    if found is None:
        raise Dc09Error("not a message of DC-09")
    star, identifier, sequence, receiver, prefix, account, rest = found.groups()
    if star and key is None:
        raise SealError(f"account {account} sends encrypted, and has no key here")
    if key is not None and not star:
        raise SealError(f"account {account} has a key here, and sends plainly")
    text = _opened(rest, key, account) if star and key else rest
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        raise Dc09Error(f"account {account}: its data have no end")
    data, extended, sent = plain.groups()
    return Message(
        identifier,
        sequence,
        receiver,
        prefix,
        account,
        _content(data),
        tuple(re.findall(r"\[([^\]]*)\]", extended)),
        _time(sent, account),
        bool(star),
        is_in_bytes(frame),
    )


def is_in_bytes(frame: bytes) -> bool:
    """Whether a frame's checksum came as two bytes."""
    head = _HEADS.match(frame)
    return head is not None and head[1] is None


def account_of(frame: bytes) -> str:
    """Whose key a frame is to be read with.

    Raises:
        Dc09Error: it is no message.
    """
    found = _BODY.fullmatch(_checked(frame).decode("cp1252", "replace"))
    if found is None:
        raise Dc09Error("not a message of DC-09")
    return found[6]


def is_timely(message: Message, now: datetime) -> bool:
    """Whether an encrypted message was sent now: an old one may be a recording. Of plain ones it is not asked."""
    if not message.encrypted:
        return True
    return message.sent_at is not None and EARLIEST <= message.sent_at - now <= LATEST


def encode(message: Message, key: bytes | None = None, padding: bytes = b"") -> bytes:
    """A message as a panel sends it, framed.

    Args:
        message: an encrypted one needs a time.
        key: encrypts it.
        padding: 16 random bytes or more, where it is encrypted; of these as many are taken as are needed.
    """
    data = f"#{message.account}|{message.content}" if message.content else ""
    return _encoded(message.identifier, message, data, message.extended, message.sent_at, key, padding)


def ack(message: Message, now: datetime, key: bytes | None = None, padding: bytes = b"") -> bytes:
    """The answer that a message is taken; encrypted where it was."""
    return _encoded(
        "ACK", message, "", (), now if message.encrypted else None, key if message.encrypted else None, padding
    )


def duh(message: Message, now: datetime, key: bytes | None = None, padding: bytes = b"") -> bytes:
    """The answer that a message was understood as one, and its content was not."""
    return _encoded(
        "DUH", message, "", (), now if message.encrypted else None, key if message.encrypted else None, padding
    )


def nak(now: datetime, *, in_bytes: bool = False) -> bytes:
    """The answer that a message is not believed, with our time: a panel sets its clock by it."""
    return framed(f'"NAK"0000R0L0A0[]_{now.astimezone(UTC):{_TIME}}'.encode(), in_bytes=in_bytes)


def _checked(frame: bytes) -> bytes:
    head = _HEADS.match(frame)
    if head is None:
        raise Dc09Error("no checksum and length before the message")
    body = frame[head.end() :]
    if len(body) != int(head[3], 16):
        raise Dc09Error(f"{len(body)} bytes long, and {int(head[3], 16)} were said")
    if crc(body) != (int(head[1], 16) if head[1] else int.from_bytes(head[2], "big")):
        raise Dc09Error("its checksum is wrong")
    return body


def _opened(text: str, key: bytes, account: str) -> str:
    """What stands in an encrypted message behind its padding."""
    try:
        sealed = bytes.fromhex(text.removesuffix("]"))
    except ValueError:
        raise Dc09Error(f"account {account}: what is encrypted is not hexadecimal") from None
    if not sealed or len(sealed) % _BLOCK:
        raise Dc09Error(f"account {account}: what is encrypted has not whole blocks")
    decryptor = Cipher(AES(key), CBC(bytes(_BLOCK))).decryptor()
    opened = (decryptor.update(sealed) + decryptor.finalize()).decode("cp1252", "replace")
    padding, bar, rest = opened.partition("|")
    if not bar and (bare := _BARE.fullmatch(opened)):  # who has nothing to say may leave the bar out
        return bare[1]
    if not bar or "[" in padding or "]" in padding or _PLAIN.fullmatch(rest) is None:
        raise SealError(f"account {account}: its key is another one than ours")
    return rest


def _content(data: str) -> str:
    """What stands behind the account in the data."""
    return data.partition("|")[2] if data.startswith("#") else data.removeprefix("|")


def _time(text: str | None, account: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise Dc09Error(f"account {account}: its time is none") from None


def _encoded(
    identifier: str,
    of: Message,
    data: str,
    extended: tuple[str, ...],
    at: datetime | None,
    key: bytes | None,
    padding: bytes,
) -> bytes:
    receiver = "" if of.receiver is None else f"R{of.receiver}"
    head = f'{identifier}"{of.sequence}{receiver}L{of.prefix}#{of.account}['
    rest = f"{data}]" + "".join(f"[{each}]" for each in extended) + (f"_{at.astimezone(UTC):{_TIME}}" if at else "")
    if key is None:
        return framed(f'"{head}{rest}'.encode("cp1252", "replace"), in_bytes=of.in_bytes)
    plain = b"|" + rest.encode("cp1252", "replace")
    missing = -len(plain) % _BLOCK
    plain = padding.translate(bytes.maketrans(b"|[]", b"abc"))[:missing] + plain
    encryptor = Cipher(AES(key), CBC(bytes(_BLOCK))).encryptor()
    sealed = encryptor.update(plain) + encryptor.finalize()
    return framed(f'"*{head}{sealed.hex().upper()}'.encode(), in_bytes=of.in_bytes)
