"""Units of an H.264 or H.265 stream: taken out of packets, and read as far as the number of their picture.

`frame_num` (ITU-T Rec. H.264, 7.3.3) and `slice_pic_order_cnt_lsb` (ITU-T Rec. H.265, 7.3.6.1) stand behind fields
whose lengths the parameter sets tell.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

_WIDEST_PX = 16384
_LONGEST_HEADER = 48
"""Bytes of a slice in which its number surely stands."""


class _Bits:
    """Reads the payload of a unit bit by bit.

    Raises:
        IndexError: it has ended.
    """

    def __init__(self, payload: bytes) -> None:
        # Two zeros and a three stand for two zeros (H.264, 7.4.1).
        self._bytes, self.at = payload.replace(b"\x00\x00\x03", b"\x00\x00"), 0

    def bit(self) -> int:
        value = self._bytes[self.at >> 3] >> (7 - (self.at & 7)) & 1
        self.at += 1
        return value

    def number(self, bits: int) -> int:
        value = 0
        for _ in range(bits):
            value = value << 1 | self.bit()
        return value

    def golomb(self) -> int:
        """Unsigned, of up to 32 bits (H.264, 9.1)."""
        zeros = 0
        while not self.bit():
            zeros += 1
            if zeros > 32:
                raise IndexError
        return (1 << zeros) - 1 + self.number(zeros)

    def golomb_to(self, most: int) -> int:
        """As `golomb`.

        Raises:
            IndexError: likewise where it is more than the standard allows.
        """
        value = self.golomb()
        if value > most:
            raise IndexError
        return value

    def signed(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)


@dataclass(frozen=True, slots=True)
class Slice:
    """What a slice says of its picture.

    Attributes:
        is_first: of its picture.
        begins_anew: it builds on no other one, and numbers begin anew or jump.
        counts: others build on it, or it has a number of its own all the same.
        number: of its picture.
        at: the bit of the payload where the number stands.
    """

    is_first: bool
    begins_anew: bool
    counts: bool
    number: int
    at: int


class _Numbering(Protocol):
    """How a standard numbers its pictures."""

    head: int
    """Bytes before the payload of a unit."""

    @property
    def bits(self) -> int:
        """Of a number; 0 where we cannot help the stream."""

    def learn(self, unit: bytes) -> None:
        """Read a parameter set, if it is one.

        Raises:
            IndexError: it is broken.
        """

    def begins_anew(self, unit: bytes) -> bool:
        """Whether the unit is of a picture that makes the decoder forget all others."""

    def is_slice(self, unit: bytes) -> bool:
        """Whether the unit is part of a picture."""

    def slice_of(self, unit: bytes) -> Slice | None:
        """None where the unit holds no slice, or none that can be: what is broken often looks like another one.

        Raises:
            IndexError: it is broken.
        """


class _Avc:
    """H.264: reference pictures are counted by `frame_num`."""

    head = 1
    _SLICE, _IDR, _SPS, _PPS = 1, 5, 7, 8
    _TYPES = (0, 2, 5, 7)
    """P and I; the second two say that all slices of the picture are alike. Others do not come in order."""
    _IN_ORDER = 2
    """Picture order count type of streams without B-pictures."""
    _HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
    """Profiles whose sequence parameter set tells of chroma and scaling (7.3.2.1.1)."""

    def __init__(self) -> None:
        self.bits = 0
        self._pps = set[int]()

    def learn(self, unit: bytes) -> None:
        if unit[0] & 31 == self._SPS:
            self.bits = 0
            self.bits = self._frame_num_bits(_Bits(unit[1:]))
        elif unit[0] & 31 == self._PPS:
            self._pps.add(_Bits(unit[1:]).golomb_to(255))

    def _frame_num_bits(self, bits: _Bits) -> int:
        profile = bits.number(8)
        bits.number(16)
        bits.golomb()
        if profile in self._HIGH:
            chroma = bits.golomb()
            if chroma == 3 and bits.bit():  # three planes, each coded alone
                return 0
            bits.golomb()
            bits.golomb()
            bits.bit()
            if bits.bit():
                self._pass_scaling(bits, 12 if chroma == 3 else 8)
        found = bits.golomb_to(12) + 4
        if bits.golomb() != self._IN_ORDER:
            return 0
        bits.golomb()
        may_leave_out = bits.bit()
        bits.golomb()
        bits.golomb()
        is_of_frames = bits.bit()
        return found if is_of_frames and not may_leave_out else 0

    @staticmethod
    def _pass_scaling(bits: _Bits, lists: int) -> None:
        for n in range(lists):
            last = following = 8
            for _ in range((16 if n < 6 else 64) if bits.bit() else 0):
                following = (last + bits.signed()) % 256 if following else 0
                last = following or last

    def begins_anew(self, unit: bytes) -> bool:
        return unit[0] & 31 == self._IDR

    def is_slice(self, unit: bytes) -> bool:
        return unit[0] & 31 in (self._SLICE, self._IDR)

    def slice_of(self, unit: bytes) -> Slice | None:
        if not self.is_slice(unit):
            return None
        bits = _Bits(unit[1:_LONGEST_HEADER])
        first_block, type_, pps = bits.golomb(), bits.golomb(), bits.golomb()
        if type_ not in self._TYPES or pps not in self._pps:
            return None
        at = bits.at
        return Slice(not first_block, self.begins_anew(unit), bool(unit[0] >> 5 & 3), bits.number(self.bits), at)


class _Hevc:
    """H.265: all pictures are counted, by the low bits of their picture order count."""

    head = 2
    _FIRST_KEY, _LAST_KEY, _FIRST_NONE = 16, 23, 32
    _IDR = (19, 20)
    _TYPES = 3
    _SPS, _PPS = 33, 34

    def __init__(self) -> None:
        self.bits = self._address_bits = 0
        self._pps: dict[int, tuple[bool, bool, int]] = {}
        """Of each: whether slices may depend on others, whether they say if they are shown, extra bits."""

    def learn(self, unit: bytes) -> None:
        kind = unit[0] >> 1 & 63
        if kind == self._SPS:
            self.bits = 0
            self.bits, self._address_bits = self._sequence(_Bits(unit[2:]))
        elif kind == self._PPS:
            bits = _Bits(unit[2:_LONGEST_HEADER])
            number, _ = bits.golomb_to(63), bits.golomb()
            self._pps[number] = bool(bits.bit()), bool(bits.bit()), bits.number(3)

    @staticmethod
    def _sequence(bits: _Bits) -> tuple[int, int]:
        """Bits of a picture's number, and of a slice's address (7.3.2.2.1)."""
        bits.number(4)
        sublayers = bits.number(3)
        bits.number(1 + 88 + 8)
        told = [(bits.bit(), bits.bit()) for _ in range(sublayers)]
        bits.number(2 * (8 - sublayers) if sublayers else 0)
        for profile, level in told:
            bits.number(88 * profile + 8 * level)
        bits.golomb()
        if bits.golomb() == 3 and bits.bit():  # three planes, each coded alone
            return 0, 0
        wide, high = bits.golomb_to(_WIDEST_PX), bits.golomb_to(_WIDEST_PX)
        for _ in range(4 * bits.bit() + 2):
            bits.golomb()
        found = bits.golomb_to(12) + 4
        for _ in range(3 * (sublayers + 1 if bits.bit() else 1)):
            bits.golomb()
        block = 1 << (bits.golomb_to(3) + 3 + bits.golomb_to(3))
        blocks = -(-wide // block) * -(-high // block)
        return found, (blocks - 1).bit_length()

    def begins_anew(self, unit: bytes) -> bool:
        return self._FIRST_KEY <= unit[0] >> 1 & 63 <= self._LAST_KEY

    def is_slice(self, unit: bytes) -> bool:
        return unit[0] >> 1 & 63 < self._FIRST_NONE

    def slice_of(self, unit: bytes) -> Slice | None:
        if not self.is_slice(unit):
            return None
        kind = unit[0] >> 1 & 63
        is_key = self.begins_anew(unit)
        bits = _Bits(unit[2:_LONGEST_HEADER])
        is_first = bits.bit()
        bits.number(int(is_key))
        pps = self._pps.get(bits.golomb())
        if pps is None:
            return None
        may_depend, says_if_shown, extra = pps
        if not is_first:
            depends = may_depend and bits.bit()
            bits.number(self._address_bits)
            if depends:
                return None
        bits.number(extra)
        if bits.golomb() >= self._TYPES:
            return None
        bits.number(int(says_if_shown))
        at = bits.at
        return Slice(bool(is_first), is_key, True, 0 if kind in self._IDR else bits.number(self.bits), at)


_NUMBERINGS: dict[str, Callable[[], _Numbering]] = {"h264": _Avc, "hevc": _Hevc}


class Bitstream:
    """Takes the packets of one stream apart.

    Args:
        codec: `h264` or `hevc`; of others nothing is told.
        setup: what the container says of the stream: parameter sets behind start codes, or the record of ISO/IEC
            14496-15, whose streams have lengths in place of start codes.
    """

    def __init__(self, codec: str, setup: bytes) -> None:
        self._numbering: _Numbering | None = _NUMBERINGS[codec]() if codec in _NUMBERINGS else None
        self._lengths = 0
        units = _started(setup)
        if setup[:1] == b"\x01" and len(setup) > (22 if codec == "hevc" else 6):
            self._lengths, units = _record(setup, codec)
        for unit in units:
            self._learn(unit)

    @property
    def never_reorders(self) -> bool:
        """Whether pictures are shown as they come, by what the stream says of itself."""
        return isinstance(self._numbering, _Avc) and self._numbering.bits > 0

    @property
    def wrap(self) -> int:
        """Numbers of pictures begin anew at this one."""
        return 1 << self._numbering.bits if self._numbering else 1

    def begins_anew(self, packet: bytes) -> bool:
        """Whether a packet holds a picture that makes the decoder forget all others: IDR of H.264, IRAP of H.265.

        A key frame by name only, as streams have that refresh themselves bit by bit, is not such a picture.
        """
        numbering = self._numbering
        return numbering is not None and any(numbering.begins_anew(unit) for unit in self._units(packet) if unit)

    def is_ruin(self, packet: bytes) -> bool:
        """Whether a packet holds slices, and none that can be read."""
        numbering = self._numbering
        if numbering is None or not numbering.bits or self.told(packet):
            return False
        return any(numbering.is_slice(unit) for unit in self._units(packet) if unit)

    def told(self, packet: bytes) -> Slice | None:
        """What the first slice that can be read says; None where there is none."""
        for unit in self._units(packet):
            self._learn(unit)
            told = self._slice_of(unit)
            if told:
                return told
        return None

    def renumbered(self, packet: bytes, number: int) -> bytes:
        """The packet's slices under another number."""
        made = b""
        for unit in self._units(packet):
            told, numbering = self._slice_of(unit), self._numbering
            if numbering is None or not (told or (made and unit and numbering.is_slice(unit))):
                continue
            # A segment that depends on the one before has no number of its own.
            changed = _with_number(unit, numbering.head, told.at, number, numbering.bits) if told else unit
            made += len(changed).to_bytes(self._lengths, "big") if self._lengths else b"\x00\x00\x00\x01"
            made += changed
        return made

    def _units(self, packet: bytes) -> Iterator[bytes]:
        return _measured(packet, self._lengths) if self._lengths else _started(packet)

    def _learn(self, unit: bytes) -> None:
        if self._numbering and len(unit) > self._numbering.head:
            with contextlib.suppress(IndexError):
                self._numbering.learn(unit)

    def _slice_of(self, unit: bytes) -> Slice | None:
        if not self._numbering or not self._numbering.bits or len(unit) <= self._numbering.head:
            return None
        try:
            return self._numbering.slice_of(unit)
        except IndexError:
            return None


def _with_number(unit: bytes, head: int, at: int, number: int, bits: int) -> bytes:
    """A unit with other bits in one place; what must not stand in a unit is hidden anew."""
    payload = bytearray(unit[head:].replace(b"\x00\x00\x03", b"\x00\x00"))
    for n in range(bits):
        byte, mask = (at + n) >> 3, 128 >> ((at + n) & 7)
        payload[byte] = payload[byte] | mask if number >> (bits - 1 - n) & 1 else payload[byte] & ~mask
    made, zeros = bytearray(unit[:head]), 0
    for value in payload:
        if zeros >= 2 and value <= 3:
            made.append(3)
            zeros = 0
        made.append(value)
        zeros = 0 if value else zeros + 1
    return bytes(made)


def _started(packet: bytes) -> Iterator[bytes]:
    """Units behind start codes."""
    at = packet.find(b"\x00\x00\x01")
    while at >= 0:
        end = packet.find(b"\x00\x00\x01", at + 3)
        yield packet[at + 3 : end if end >= 0 else len(packet)]
        at = end


def _measured(packet: bytes, lengths: int) -> Iterator[bytes]:
    """Units behind their length."""
    at = 0
    while at + lengths < len(packet):
        begin = at + lengths
        at = begin + int.from_bytes(packet[at:begin], "big")
        yield packet[begin:at]


def _record(setup: bytes, codec: str) -> tuple[int, Iterator[bytes]]:
    """Bytes of a length, and the parameter sets (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1)."""
    if codec == "h264":
        return (setup[4] & 3) + 1, _arrays(setup, 5, 2, names=0)
    return (setup[21] & 3) + 1, _arrays(setup, 23, setup[22], names=1, counts=2)


def _arrays(setup: bytes, at: int, arrays: int, *, names: int, counts: int = 1) -> Iterator[bytes]:
    """Units of some arrays; each has bytes that name its kind and bytes that count its units."""
    for _ in range(arrays):
        at += names
        count = int.from_bytes(setup[at : at + counts], "big") & (0xFFFF if names else 31)
        at += counts
        for _ in range(count):
            size = int.from_bytes(setup[at : at + 2], "big")
            yield setup[at + 2 : at + 2 + size]
            at += 2 + size
