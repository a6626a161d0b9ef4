"""What a panel says: contents of ADM-CID (Contact ID) and SIA-DCS messages, in one vocabulary.

Sources: SIA DC-05 (Contact ID), SIA DC-03 (SIA format, level 2), the tables of panels' manuals.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from edge_agent.inputs.dc09.message import Message


class Meaning(StrEnum):
    """What happened to the zone, the partition or the panel."""

    ALARM = "alarm"
    TAMPER = "tamper"
    FAULT = "fault"
    """A cut or shorted loop, a flat battery, no mains, no siren."""
    MISSING = "missing"
    """A wireless sensor, or a part of the panel, does not check in."""
    OPENED = "opened"
    """A partition was disarmed."""
    CLOSED = "closed"
    """It was armed."""
    BYPASSED = "bypassed"
    TEST = "test"
    """Nothing happened, and the way to here works."""
    OTHER = "other"
    """The code is none that is known here."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a panel said.

    Attributes:
        code: as it was sent, such as `130` or `BA`.
        meaning: of the code.
        over: it is over: a restore, or the end of a bypass.
        what: of an alarm: `fire`, `panic`, `duress`, `medical` …; empty: it is what the zone is.
        partition: as the panel counts; empty where it says none.
        zone: likewise, without leading zeros; empty: the panel itself.
        text: what the panel's installer called it.
        user: who opened or closed it, by their number there.
    """

    code: str
    meaning: Meaning
    over: bool = False
    what: str = ""
    partition: str = ""
    zone: str = ""
    text: str = ""
    user: str = ""


_A, _T, _F, _M = Meaning.ALARM, Meaning.TAMPER, Meaning.FAULT, Meaning.MISSING
_CONTACT_ID = re.compile(r"([136])([0-9A-F]{3}) ([0-9A-F]{2}) ([0-9A-F]{3})")
_CID: list[tuple[range, Meaning, str]] = [
    (range(0x100, 0x110), _A, "medical"),
    (range(0x110, 0x119), _A, "fire"),
    (range(0x121, 0x122), _A, "duress"),
    (range(0x120, 0x126), _A, "panic"),
    (range(0x137, 0x138), _T, ""),
    (range(0x130, 0x140), _A, ""),
    (range(0x144, 0x146), _T, ""),
    (range(0x140, 0x150), _A, ""),
    (range(0x151, 0x152), _A, "gas"),
    (range(0x154, 0x155), _A, "water"),
    (range(0x150, 0x170), _A, ""),
    (range(0x341, 0x342), _T, ""),
    (range(0x383, 0x384), _T, ""),
    (range(0x381, 0x383), _M, ""),
    (range(0x300, 0x3A0), _F, ""),
    (range(0x570, 0x580), Meaning.BYPASSED, ""),
    (range(0x600, 0x640), Meaning.TEST, ""),
]
"""Of overlapping ranges the first one counts."""
_CID_OF_USERS = range(0x400, 0x500)
"""Behind these stands the number of a user, and of no zone."""
_CID_CLOSING = [(0x400, 0x401, 0x402, 0x403, 0x404, 0x407, 0x408, 0x409), (0x441, 0x442)]
"""New is open, a restore is closed; of 441 and 442 both say that it was armed with people inside."""
_SIA = re.compile(
    r"/?(?:(?P<modifier>ti|id|ri|pi|vi|ci|da|ph|cl)(?P<value>[^/A-Z^]*)|(?P<code>[A-Z]{2})(?P<number>[0-9A-F]*)"
    r"|\^(?P<text>[^^]*)\^?)"
)
"""One piece behind the first letter: a modifier, an event with its number, or the text of the event before it."""
_WHATS = {"F": "fire", "K": "fire", "P": "panic", "H": "panic", "M": "medical", "G": "gas", "W": "water", "D": "duress"}
_SIA_ALARMS = (
    {"BA": "", "BV": "", "BM": "", "UA": "", "IA": "", "NA": "", "ZA": "", "QA": ""}
    | {f"{first}A": what for first, what in _WHATS.items() if first != "D"}
    | {"HA": "panic", "DK": "duress", "BD": "duress", "KA": "fire"}
)
_SIA_WORDS: dict[str, tuple[Meaning, bool]] = {
    "TA": (_T, False), "TR": (_T, True), "ES": (_T, False), "EJ": (_T, True),
    "AT": (_F, False), "AR": (_F, True), "YT": (_F, False), "YR": (_F, True), "YC": (_F, False), "YK": (_F, True),
    "XT": (_F, False), "XR": (_F, True), "YX": (_F, False), "YZ": (_F, True), "BT": (_F, False), "BJ": (_F, True),
    "FT": (_F, False), "FJ": (_F, True), "UT": (_F, False), "UJ": (_F, True), "YA": (_F, False), "YH": (_F, True),
    "XL": (_M, False), "XC": (_M, True), "UY": (_M, False), "UX": (_M, True),
    "OP": (Meaning.OPENED, False), "OA": (Meaning.OPENED, False), "OR": (Meaning.OPENED, False),
    "OQ": (Meaning.OPENED, False), "OG": (Meaning.OPENED, False),
    "CL": (Meaning.CLOSED, False), "CA": (Meaning.CLOSED, False), "CG": (Meaning.CLOSED, False),
    "CQ": (Meaning.CLOSED, False), "NL": (Meaning.CLOSED, False), "CF": (Meaning.CLOSED, False),
    "BB": (Meaning.BYPASSED, False), "BU": (Meaning.BYPASSED, True), "UB": (Meaning.BYPASSED, False),
    "UU": (Meaning.BYPASSED, True),
    "RP": (Meaning.TEST, False), "RX": (Meaning.TEST, False), "TX": (Meaning.TEST, False), "RY": (Meaning.TEST, False),
}  # fmt: skip


def said_in(message: Message) -> tuple[Said, ...]:
    """What a message says; nothing where its content is not of its kind, and of what is no event, such as a poll."""
    if message.identifier == "ADM-CID":
        return _of_contact_id(message.content)
    if message.identifier == "SIA-DCS":
        return _of_sia(message.content)
    return ()


def _of_contact_id(content: str) -> tuple[Said, ...]:
    found = _CONTACT_ID.fullmatch(content.strip().upper())
    if found is None:
        return ()
    qualifier, code, partition, last = found.groups()
    number, over = int(code, 16), qualifier == "3"
    partition, last = partition.lstrip("0"), last.lstrip("0")
    if number in _CID_OF_USERS:
        meaning = Meaning.OTHER
        if any(number in each for each in _CID_CLOSING):
            meaning = Meaning.CLOSED if over or number in _CID_CLOSING[1] else Meaning.OPENED
        return (Said(code, meaning, False, "", partition, user=last),)
    for codes, meaning, what in _CID:
        if number in codes:
            return (Said(code, meaning, over and meaning is not Meaning.TEST, what, partition, last),)
    return (Said(code, Meaning.OTHER, over, "", partition, last),)


def _of_sia(content: str) -> tuple[Said, ...]:
    if content[:1] not in ("N", "O"):
        return ()
    found, partition, at = list[Said](), "", 1
    while at < len(content) and (piece := _SIA.match(content, at)):
        at = piece.end()
        if piece["modifier"] == "ri":
            partition = piece["value"].lstrip("0")
        elif piece["code"]:
            meaning, over, what = _meaning_of_sia(piece["code"])
            number = piece["number"].lstrip("0")
            of_user = meaning in (Meaning.OPENED, Meaning.CLOSED)
            numbers = {"user" if of_user else "zone": number}
            found.append(Said(piece["code"], meaning, over, what, partition, **numbers))
        elif piece["text"] is not None and found:
            found[-1] = replace(found[-1], text=piece["text"].strip())
    return tuple(found)


def _meaning_of_sia(code: str) -> tuple[Meaning, bool, str]:
    if code in _SIA_WORDS:
        return *_SIA_WORDS[code], ""
    if code in _SIA_ALARMS:
        return _A, False, _SIA_ALARMS[code]
    alarm = f"{code[0]}A"
    if code[1] in "RH" and alarm in _SIA_ALARMS:
        return _A, True, _SIA_ALARMS[alarm]
    return Meaning.OTHER, False, ""
