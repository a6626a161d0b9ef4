"""Modbus as the pinned library speaks it: the standard's frames byte by byte, and frames that a line has spoilt."""

import random

import pytest
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadDiscreteInputsRequest, ReadDiscreteInputsResponse, WriteSingleCoilRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest

RTU, TCP = FramerRTU(DecodePDU(False)), FramerSocket(DecodePDU(False))
ANSWER = bytes.fromhex("01 02 01 05 61 8b")
REFUSED = bytes.fromhex("01 82 02 c1 61")
TCP_ANSWER = bytes.fromhex("00 01 00 00 00 04 01 02 01 05")


@pytest.mark.parametrize(
    ("pdu", "frame"),
    [
        (ReadDiscreteInputsRequest(address=0, count=8, dev_id=1), "01 02 00 00 00 08 79 cc"),
        (WriteSingleCoilRequest(address=0, bits=[True], dev_id=1), "01 05 00 00 ff 00 8c 3a"),
        (ReadHoldingRegistersRequest(address=0x6B, count=3, dev_id=0x11), "11 03 00 6b 00 03 76 87"),
    ],
)
def test_what_is_sent_is_the_standards_byte_by_byte(pdu: ModbusPDU, frame: str) -> None:
    assert RTU.buildFrame(pdu) == bytes.fromhex(frame)


def test_what_is_asked_over_tcp() -> None:
    asked = ReadDiscreteInputsRequest(address=0, count=8, dev_id=1, transaction_id=1)
    assert TCP.buildFrame(asked) == bytes.fromhex("00 01 00 00 00 06 01 02 00 00 00 08")


def heard(framer: FramerRTU | FramerSocket, frame: bytes, transaction: int = 0) -> ModbusPDU | None:
    """What an answer of unit 1 is understood as; None where it is none."""
    return framer.handleFrame(frame, 1, transaction)[1]  # type: ignore[no-any-return]


def test_answers_mean_inputs_with_the_lowest_bit_first() -> None:
    for framer, frame, transaction in ((RTU, ANSWER, 0), (TCP, TCP_ANSWER, 1)):
        answer = heard(framer, frame, transaction)
        assert isinstance(answer, ReadDiscreteInputsResponse)
        assert answer.bits[:8] == [True, False, True, False, False, False, False, False]
    refused = heard(RTU, REFUSED)
    assert refused is not None
    assert refused.isError()
    assert refused.exception_code == 2


def test_what_a_line_has_spoilt_is_no_answer() -> None:
    """100,000 frames with bits turned, bytes lost, doubled or swapped: none means other inputs than were sent."""
    draw, understood = random.Random(9), 0
    for _ in range(100_000):
        frame = bytearray(draw.choice((ANSWER, REFUSED)))
        kind = draw.randrange(5)
        if kind == 0:
            for place in draw.sample(range(8 * len(frame)), draw.randint(1, 3)):  # a CRC-16 finds all of these
                frame[place // 8] ^= 1 << place % 8
        elif kind == 1:
            del frame[draw.randrange(len(frame))]
        elif kind == 2:
            place = draw.randrange(len(frame))
            frame.insert(place, frame[place])
        elif kind == 3:
            place = draw.randrange(len(frame) - 1)
            frame[place], frame[place + 1] = frame[place + 1], frame[place]
        else:
            frame = frame[: draw.randrange(len(frame))] + frame
        answer = heard(RTU, bytes(frame))
        if isinstance(answer, ReadDiscreteInputsResponse):
            understood += 1
            assert answer.bits[:3] == [True, False, True], frame.hex(" ")
        elif answer is not None:
            assert answer.isError(), frame.hex(" ")
    assert understood < 50_000


def test_over_tcp_only_the_answer_to_this_question_counts() -> None:
    draw = random.Random(10)
    for _ in range(20_000):
        frame = bytearray(TCP_ANSWER)
        place = draw.randrange(8)  # its head, its unit and its function; the bits themselves are TCP's to guard
        frame[place] = draw.choice([value for value in range(256) if value != frame[place]])
        try:
            answer = heard(TCP, bytes(frame), 1)
        except Exception as error:  # noqa: BLE001 - the library's own refusals; the adapter takes them as silence
            assert type(error).__module__.startswith("pymodbus"), error
            continue
        if isinstance(answer, ReadDiscreteInputsResponse):  # its length was turned, or its number to 0
            assert answer.transaction_id in (0, 1)  # modules that know no numbers answer with 0
            assert answer.dev_id == 1
            assert answer.bits[:3] in ([True, False, True], []), frame.hex(" ")
