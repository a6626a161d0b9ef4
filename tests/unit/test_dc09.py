"""SIA DC-09: every vector both ways, what panels send that keep less closely to it, and what is no message."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysiaalarm import SIAAccount
from pysiaalarm.aio import SIAClient as AsyncClient
from pysiaalarm.event import SIAEvent

from edge_agent.inputs.dc09 import message as dc09
from edge_agent.inputs.dc09 import receiver as receiver_room
from edge_agent.inputs.dc09.contents import Meaning, Said, said_in
from edge_agent.inputs.dc09.message import Dc09Error, Message, SealError
from edge_agent.inputs.dc09.receiver import Received, Receiver
from shared.net import pick_free_port

KEY, NOW = b"A" * 16, datetime(2026, 1, 2, 12, tzinfo=UTC)
A, F = Meaning.ALARM, Meaning.FAULT
PLAIN = {
    '78FC003B"SIA-DCS"0001L#22334455[#22334455|NCQ1]_14:33:53,02-09-2020': Said("CQ", Meaning.CLOSED, user="1"),
    'EAC0003A"SIA-DCS"1663L0#0000[#0000|Nri1/NL501]_12:40:58,12-22-2021': Said(
        "NL", Meaning.CLOSED, False, "", "1", user="501"
    ),
    '01CD005F"SIA-DCS"1783L0#000110[#000110|Nri1BA503^Volum.Taverna   Appartam.Giorno ^]_11:49:27,01-20-2022': Said(
        "BA", A, False, "", "1", "503", "Volum.Taverna   Appartam.Giorno"
    ),
    'F6F30044"ADM-CID"1447R01L01#0001[#0001|1603 01 000][S13]_04:45:01,08-30-2014': Said(
        "603", Meaning.TEST, False, "", "1"
    ),
    'EA740027"NULL"0000L0#1409[]_20:38:07,08-27-2026': None,
    'BB86002C"NULL"0001L#7303658550[]_15:39:38,06-07-2019': None,
    '93B7003B"SIA-DCS"0001R0L0#1234[#1234|Nri1/BA01]_12:00:00,01-02-2026': Said("BA", A, False, "", "1", "1"),
    '5F010029"ADM-CID"0002R0L0#1234[#1234|1130 01 005]': Said("130", A, False, "", "1", "5"),
    '99380029"ADM-CID"0003R0L0#1234[#1234|3130 01 005]': Said("130", A, True, "", "1", "5"),
    '28330015"NULL"0000R0L0#1234[]': None,
    'AB3F0014"DUH"0001R0L0#1234[]': None,
}
SEALED = {
    'C95D0078"*SIA-DCS"0002R0L0#1234[4990BC3A3BEAEAEE1FAF5B7E4AABD67C66ABE688692B30C020BC900ECA04444F009B5B5081CE11B030875F'
    "F04C2E8F44": Said("BA", A, False, "", "1", "1"),
    'FE000078"*ADM-CID"0003R0L0#1234[222466FDEF796D864158D1E37DAE04A053F813282320370650D23BB069D094CB0D85515DC602F4760C699C'
    "3E8ABF18F0": Said("130", A, False, "", "1", "5"),
}


@pytest.mark.parametrize(("line", "said"), PLAIN.items())
def test_every_plain_vector_is_read_and_written_byte_for_byte(line: str, said: Said | None) -> None:
    message = dc09.parse(line.encode())
    assert said_in(message) == ((said,) if said else ())
    assert dc09.encode(message) == b"\n" + line.encode() + b"\r"
    assert dc09.next_frame(dc09.encode(message)) == (line.encode(), len(line) + 2)


@pytest.mark.parametrize(("line", "said"), SEALED.items())
def test_every_encrypted_vector_is_read_and_written_and_opens_with_no_other_key(line: str, said: Said) -> None:
    message = dc09.parse(line.encode(), KEY)
    assert (said_in(message), message.encrypted, message.sent_at) == ((said,), True, NOW)
    assert dc09.encode(message, KEY, b"PADPADPADPADPADPAD")[1:-1].decode() == line
    for other in (b"B" * 16, b"A" * 24, b"A" * 32):
        with pytest.raises(SealError, match="another one than ours"):
            dc09.parse(line.encode(), other)
    with pytest.raises(SealError, match="no key here"):
        dc09.parse(line.encode())
    plain = next(iter(PLAIN)).encode()
    with pytest.raises(SealError, match="sends plainly"):
        dc09.parse(plain, KEY)


def test_answers_are_those_of_the_standard() -> None:
    poll = dc09.parse(b'EA740027"NULL"0000L0#1409[]_20:38:07,08-27-2026')
    assert dc09.ack(poll, NOW) == b'\n59890012"ACK"0000L0#1409[]\r'
    event = dc09.parse(b'93B7003B"SIA-DCS"0001R0L0#1234[#1234|Nri1/BA01]_12:00:00,01-02-2026')
    assert dc09.ack(event, NOW) == b'\nDBE70014"ACK"0001R0L0#1234[]\r'
    assert dc09.duh(event, NOW) == b'\nAB3F0014"DUH"0001R0L0#1234[]\r'
    assert dc09.nak(NOW) == b'\n10780025"NAK"0000R0L0A0[]_12:00:00,01-02-2026\r'
    assert (
        dc09.nak(datetime(2019, 5, 7, 15, 39, 35, tzinfo=UTC)) == b'\n3C3B0025"NAK"0000R0L0A0[]_15:39:35,05-07-2019\r'
    )
    sealed = dc09.ack(replace(event, encrypted=True), NOW, KEY, b"|[]" * 6)
    assert b'"*ACK"0001R0L0#1234[' in sealed
    assert dc09.parse(sealed[1:-1], KEY) == replace(event, identifier="ACK", content="", encrypted=True)
    assert KEY not in sealed


def test_a_checksum_in_two_bytes_is_read_whatever_they_are() -> None:
    line = b'F6F30044"ADM-CID"1447R01L01#0001[#0001|1603 01 000][S13]_04:45:01,08-30-2014'
    binary = b"\xf6\xf3" + line[4:]
    message = dc09.parse(binary)
    assert message == replace(dc09.parse(line), in_bytes=True)
    assert dc09.encode(message) == b"\n" + binary + b"\r"
    answer = dc09.ack(message, NOW)
    assert dc09.parse(answer[1:-1]).in_bytes, "its answer likewise"
    assert dc09.parse(dc09.ack(replace(message, in_bytes=False), NOW)[1:-1]) == replace(
        dc09.parse(answer[1:-1]), in_bytes=False
    )
    found = dict[int, Message]()
    for number in range(10_000):
        body = f'"NULL"{number:04d}L0#1234[]'.encode()
        found.setdefault(dc09.crc(body) >> 8, dc09.parse(f"{dc09.crc(body):04X}0{len(body):03X}".encode() + body))
    assert {0x0A, 0x0D, 0x22, 0x30} <= found.keys(), "also those that end frames and begin messages"
    for first, message in found.items():
        assert not message.in_bytes
        body = dc09.encode(message)[9:-1]
        frame = dc09.crc(body).to_bytes(2, "big") + f"0{len(body):03X}".encode() + body
        assert dc09.next_frame(b"\n" + frame + b"\r") == (frame, len(frame) + 2), f"{first:02x}"


def test_frames_come_in_pieces_with_rubbish_between_them() -> None:
    lines = [line.encode() for line in PLAIN]
    stream = b"\x00\r\nnothing\n" + b"".join(b"\n" + line + b"\r\x00" for line in lines)
    buffer, found = b"", list[bytes]()
    for byte in stream:
        buffer += bytes([byte])
        while (got := dc09.next_frame(buffer))[0] is not None:
            found.append(got[0] or b"")
            buffer = buffer[got[1] :]
    assert found == lines


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b'F19A002B"ADM-CID"0056L9999#9999[#9999|1900 00 001]', "42 bytes long, and 43 were said"),
        (b'F19A002A"ADM-CID"0056L9999#9999[#9999|1900 00 001]', "its checksum is wrong"),
        (b"", "no checksum and length"),
        (b"nonsense", "no checksum and length"),
    ],
)
def test_what_is_no_message_is_refused(frame: bytes, why: str) -> None:
    with pytest.raises(Dc09Error, match=why):
        dc09.parse(frame)


@pytest.mark.parametrize(
    "body",
    [
        b'"NULL"000L0#1234[]',
        b'"NULL"0000#1234[]',
        b'"NULL"0000L0#[]',
        b'"NULL"0000L0#1234[',
        b'"NULL"0000L0#12 4[]',
        b'"X"',
    ],
)
def test_a_body_that_is_none_is_refused_with_a_good_checksum(body: bytes) -> None:
    frame, _ = dc09.next_frame(dc09.framed(body))
    assert frame
    with pytest.raises(Dc09Error):
        dc09.parse(frame)


@given(
    st.sampled_from(["SIA-DCS", "ADM-CID", "NULL"]),
    st.integers(0, 9999),
    st.one_of(st.none(), st.text("0123456789ABCDEF", min_size=1, max_size=6)),
    st.text("0123456789ABCDEF", max_size=6),
    st.text("0123456789ABCDEF", min_size=3, max_size=16),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="[]|"), max_size=60),
    st.sampled_from([None, b"k" * 16, b"k" * 24, b"k" * 32]),
    st.binary(min_size=16, max_size=16),
)  # fmt: skip
def test_whatever_is_written_is_read_again(
    identifier: str,
    sequence: int,
    receiver: str | None,
    prefix: str,
    account: str,
    content: str,
    key: bytes | None,
    padding: bytes,
) -> None:
    content = content.encode("cp1252", "ignore").decode("cp1252")
    message = Message(identifier, f"{sequence:04d}", receiver, prefix, account, content, ("V1",), NOW, key is not None)
    frame, done = dc09.next_frame(dc09.encode(message, key, padding))
    assert frame
    assert done == len(frame) + 2
    assert dc09.parse(frame, key) == message


@pytest.mark.parametrize(
    ("identifier", "content", "said"),
    [
        ("ADM-CID", "1110 02 017", Said("110", A, False, "fire", "2", "17")),
        ("ADM-CID", "1121 00 003", Said("121", A, False, "duress", "", "3")),
        ("ADM-CID", "6122 01 00A", Said("122", A, False, "panic", "1", "A")),
        ("ADM-CID", "1137 01 000", Said("137", Meaning.TAMPER, False, "", "1")),
        ("ADM-CID", "3301 00 000", Said("301", F, True)),
        ("ADM-CID", "1381 01 012", Said("381", Meaning.MISSING, False, "", "1", "12")),
        ("ADM-CID", "1384 01 012", Said("384", F, False, "", "1", "12")),
        ("ADM-CID", "1401 01 005", Said("401", Meaning.OPENED, False, "", "1", user="5")),
        ("ADM-CID", "3401 01 005", Said("401", Meaning.CLOSED, False, "", "1", user="5")),
        ("ADM-CID", "3441 01 005", Said("441", Meaning.CLOSED, False, "", "1", user="5")),
        ("ADM-CID", "1406 01 003", Said("406", Meaning.OTHER, False, "", "1", user="3")),
        ("ADM-CID", "1570 01 005", Said("570", Meaning.BYPASSED, False, "", "1", "5")),
        ("ADM-CID", "1602 00 000", Said("602", Meaning.TEST)),
        ("ADM-CID", "1900 00 001", Said("900", Meaning.OTHER, False, "", "", "1")),
        ("ADM-CID", "2130 01 005", None),
        ("ADM-CID", "nothing", None),
        ("SIA-DCS", "Nri02/BR01", Said("BR", A, True, "", "2", "1")),
        ("SIA-DCS", "Nti12:30/id5/ri1/FA12^Kitchen^", Said("FA", A, False, "fire", "1", "12", "Kitchen")),
        ("SIA-DCS", "NPA007", Said("PA", A, False, "panic", "", "7")),
        ("SIA-DCS", "NTA3", Said("TA", Meaning.TAMPER, False, "", "", "3")),
        ("SIA-DCS", "NTR3", Said("TR", Meaning.TAMPER, True, "", "", "3")),
        ("SIA-DCS", "NAT0", Said("AT", F)),
        ("SIA-DCS", "NYR0", Said("YR", F, True)),
        ("SIA-DCS", "Nri1/OP3", Said("OP", Meaning.OPENED, False, "", "1", user="3")),
        ("SIA-DCS", "Nri1/CL3", Said("CL", Meaning.CLOSED, False, "", "1", user="3")),
        ("SIA-DCS", "NBU5", Said("BU", Meaning.BYPASSED, True, "", "", "5")),
        ("SIA-DCS", "NRP", Said("RP", Meaning.TEST)),
        ("SIA-DCS", "NQQ1", Said("QQ", Meaning.OTHER, False, "", "", "1")),
        ("SIA-DCS", "", None),
        ("SIA-DCS", "BA01", None),
    ],
)
def test_both_ways_of_saying_it_come_to_one_vocabulary(identifier: str, content: str, said: Said | None) -> None:
    assert said_in(Message(identifier, "0001", "0", "0", "1234", content)) == ((said,) if said else ())


def test_several_events_in_one_message_are_all_told() -> None:
    message = Message("SIA-DCS", "0001", "0", "0", "1234", "Nri1/FA03/FA04^Attic^/ri2/BA5")
    assert said_in(message) == (
        Said("FA", A, False, "fire", "1", "3"),
        Said("FA", A, False, "fire", "1", "4", "Attic"),
        Said("BA", A, False, "", "2", "5"),
    )


READ_BY_BOTH = [line for line in (*PLAIN, *SEALED) if "L#" not in line and '"DUH"' not in line]
"""Pysiaalarm wants a prefix with a number, and reads no answers."""


@pytest.mark.parametrize("line", READ_BY_BOTH)
def test_a_second_decoder_reads_the_same(line: str) -> None:
    ours = dc09.parse(line.encode(), KEY if line in SEALED else None)
    theirs = SIAEvent.from_line(line, {"1234": SIAAccount("1234", KEY.decode())} if line in SEALED else None)
    assert theirs.valid_message
    assert (theirs.account, theirs.sequence, theirs.timestamp) == (ours.account, ours.sequence, ours.sent_at)
    said = next(iter(said_in(ours)), None)
    if ours.identifier == "SIA-DCS":
        assert said
        assert (theirs.code, theirs.ri) == (said.code, said.partition)
    elif ours.identifier == "ADM-CID":
        assert said
        assert (theirs.event_type, theirs.partition.lstrip("0")) == (said.code, said.partition)
        assert theirs.ri.lstrip("0") == said.zone


@pytest.mark.parametrize("key", [None, "A" * 16, "B" * 24, "C" * 32])
def test_what_we_send_is_taken_by_another_receiver_whose_answers_we_read(key: str | None) -> None:
    sealing = key.encode() if key else None

    async def run() -> list[str]:
        heard = list[str]()

        async def take(event: SIAEvent) -> None:
            heard.append(event.code)

        port = pick_free_port()
        receiver = AsyncClient("127.0.0.1", port, [SIAAccount("1234", key)], take)
        await receiver.async_start()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = ("SIA-DCS", "Nri1/BA01"), ("ADM-CID", "3130 01 005"), ("NULL", "")
        for number, (identifier, content) in enumerate(sent, 1):
            now = datetime.now(UTC).replace(microsecond=0)
            message = Message(identifier, f"{number:04d}", "0", "0", "1234", content, (), now, key is not None)
            writer.write(dc09.encode(message, sealing, b"P" * 16))
            frame, _ = dc09.next_frame(await asyncio.wait_for(reader.readuntil(b"\r"), 10))
            assert frame
            answer = dc09.parse(frame, sealing)
            assert (answer.identifier, answer.sequence, answer.account) == ("ACK", message.sequence, "1234")
        writer.close()
        await receiver.async_stop()
        return heard

    assert asyncio.run(run()) == ["BA", "BH", "RP"]


class Panel:
    """A receiver of ours as one panel finds it."""

    def __init__(self, keys: dict[str, bytes | None]) -> None:
        self.told, self.now, self.takes = list[Received](), NOW, True
        self.kept: asyncio.Future[None] | None = None
        self.receiver = Receiver(keys, self._take, lambda: self.now)

    async def _take(self, received: Received) -> "asyncio.Future[None] | None":
        if not self.takes:
            raise OSError("the card is full")
        self.told.append(received)
        return self.kept

    def send(self, framed: bytes) -> bytes | None:
        return asyncio.run(self.receiver.answer(framed[1:-1], "192.0.2.7"))


EVENT = Message("SIA-DCS", "0001", "0", "0", "1234", "Nri1/BA01", (), NOW)


def test_a_repeat_is_acknowledged_and_told_once() -> None:
    panel = Panel({"1234": None})
    answers = {panel.send(dc09.encode(EVENT)) for _ in range(3)}
    assert answers == {b'\nDBE70014"ACK"0001R0L0#1234[]\r'}
    assert len(panel.told) == 1
    panel.send(dc09.encode(replace(EVENT, sequence="0002")))
    panel.send(dc09.encode(replace(EVENT, content="Nri1/BR01")))
    assert len(panel.told) == 3, "another number, and another content"
    poll = replace(EVENT, identifier="NULL", content="")
    assert panel.send(dc09.encode(poll)) == panel.send(dc09.encode(poll)) != None  # noqa: E711
    assert len(panel.told) == 5, "each poll is a sign of life"


def test_what_could_not_be_taken_is_not_acknowledged_and_is_taken_when_it_comes_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    panel = Panel({"1234": None})
    panel.takes = False
    assert panel.send(dc09.encode(EVENT)) is None
    assert "could not be taken" in caplog.text
    panel.takes = True
    assert panel.send(dc09.encode(EVENT)) is not None
    assert len(panel.told) == 1


def test_what_is_not_kept_yet_is_told_once_and_acknowledged_when_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver_room, "_KEPT_S", 0.2)
    panel = Panel({"1234": None})

    async def run() -> None:
        panel.kept = asyncio.get_running_loop().create_future()
        frame = dc09.encode(EVENT)[1:-1]
        assert [await panel.receiver.answer(frame, "192.0.2.7") for _ in range(2)] == [None, None]
        waiting = asyncio.create_task(panel.receiver.answer(frame, "192.0.2.7"))
        await asyncio.sleep(0.05)
        panel.kept.set_result(None)
        assert await waiting == b'\nDBE70014"ACK"0001R0L0#1234[]\r'

    asyncio.run(run())
    assert len(panel.told) == 1


def test_what_is_encrypted_is_believed_within_its_window_only() -> None:
    panel, sealed = Panel({"1234": KEY}), replace(EVENT, encrypted=True)
    for off_s, believed in ((-41, False), (-40, True), (0, True), (20, True), (21, False), (86_400, False)):
        panel.told.clear()
        at = replace(sealed, sequence=f"{off_s % 10_000:04d}", sent_at=NOW + timedelta(seconds=off_s))
        answer = panel.send(dc09.encode(at, KEY, bytes(16)))
        assert answer
        assert (b"*ACK" in answer, bool(panel.told)) == (believed, believed), off_s
        assert believed or answer == dc09.nak(NOW)
    panel.told.clear()
    assert panel.send(dc09.encode(replace(sealed, sent_at=None), KEY, bytes(16))) == dc09.nak(NOW)
    assert panel.send(dc09.encode(EVENT)) == dc09.nak(NOW), "plain, where a key is agreed on"
    assert not panel.told


def test_an_unknown_account_is_not_answered_and_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    panel = Panel({"9999": None})
    assert panel.send(dc09.encode(EVENT)) is None
    assert not panel.told
    assert "account 1234 is not configured here" in caplog.text
    assert Panel({"00ab": None}).send(dc09.encode(replace(EVENT, account="00AB"))), "whatever case its digits have"


def test_what_is_not_understood_is_answered_so_and_told_all_the_same() -> None:
    panel = Panel({"1234": None})
    assert panel.send(dc09.encode(replace(EVENT, content="nothing of ours"))) == b'\nAB3F0014"DUH"0001R0L0#1234[]\r'
    assert [each.said for each in panel.told] == [()]


def test_a_hundred_thousand_mutations_raise_nothing_that_was_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a traceback nor a key comes out; what is told is what one of the seeds says, whole."""
    rng = random.Random(9)
    sealed = replace(EVENT, encrypted=True)
    seeds = [dc09.encode(EVENT), dc09.encode(replace(EVENT, identifier="ADM-CID", content="1130 01 005"))]
    seeds += [dc09.encode(replace(EVENT, identifier="NULL", content="")), dc09.encode(sealed, KEY, bytes(16))]
    contents = {"Nri1/BA01", "1130 01 005", ""}
    panels = Panel({"1234": None}), Panel({"1234": KEY}), Panel({})

    async def all_of_them() -> None:
        for _ in range(100_000):
            frame = mutated(rng, rng.choice(seeds))
            answers = await panels[rng.randrange(3)].receiver.answer_all(frame, "192.0.2.7")
            assert all(KEY not in answer for answer in answers), frame

    asyncio.run(all_of_them())
    assert all(KEY.decode() not in record.getMessage() for record in caplog.records)
    assert not [record for record in caplog.records if record.exc_info]
    told = [received.message for panel in panels for received in panel.told]
    assert told, "some mutations leave a message whole"
    assert {message.content for message in told} <= contents
    assert {message.account for message in told} == {"1234"}


def mutated(rng: random.Random, frame: bytes) -> bytes:
    content = bytearray(frame)
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        at = rng.randrange(len(content))
        what = rng.randrange(4)
        if what == 0:
            content[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            del content[at]
        elif what == 2:
            content.insert(at, rng.randrange(256))
        else:
            content[at:at] = content[: rng.randrange(len(content))]
    return bytes(content)


def wired(test: Callable[[Receiver, int, list[Received]], Awaitable[None]], keys: dict[str, bytes | None]) -> None:
    """Run a test against both ports of a receiver, on loopback."""

    async def run() -> None:
        told = list[Received]()

        async def take(received: Received) -> None:
            if received.message.account == "5109":
                await asyncio.sleep(30)
            told.append(received)

        receiver = Receiver(keys, take, lambda: NOW)
        port = await receiver.listen("127.0.0.1", 0)
        try:
            await test(receiver, port, told)
        finally:
            receiver.close()

    asyncio.run(run())


def test_a_connection_stays_open_for_many_messages_and_packets_are_answered() -> None:
    async def test(_receiver: Receiver, port: int, told: list[Received]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(1, 4):
            writer.write(dc09.encode(replace(EVENT, sequence=f"{number:04d}")) + b"\x00")
            answer = await asyncio.wait_for(reader.readuntil(b"\r"), 10)
            assert f'"ACK"{number:04d}R0L0#1234[]'.encode() in answer
        writer.close()
        loop, came = asyncio.get_running_loop(), asyncio.Queue[bytes]()

        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, _addr: object) -> None:
                came.put_nowait(data)

        transport, _ = await loop.create_datagram_endpoint(Client, remote_addr=("127.0.0.1", port))
        transport.sendto(dc09.encode(replace(EVENT, sequence="0009")))
        assert b'"ACK"0009' in await asyncio.wait_for(came.get(), 10)
        transport.close()
        assert [each.message.sequence for each in told] == ["0001", "0002", "0003", "0009"]

    wired(test, {"1234": None})


def test_a_panel_that_floods_or_whose_messages_hang_delays_no_other() -> None:
    async def test(_receiver: Receiver, port: int, told: list[Received]) -> None:
        _, hanging = await asyncio.open_connection("127.0.0.1", port)
        for number in range(2_000):
            hanging.write(dc09.encode(replace(EVENT, account="5109", sequence=f"{number:04d}")))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(dc09.encode(EVENT))
        assert b'"ACK"0001' in await asyncio.wait_for(reader.readuntil(b"\r"), 10)
        assert [each.message.account for each in told] == ["1234"]
        for each in (hanging, writer):
            each.close()

    wired(test, {"1234": None, "5109": None})


def test_who_sends_rubbish_or_opens_connection_after_connection_is_left() -> None:
    async def test(receiver: Receiver, port: int, told: list[Received]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(dc09.framed(b'"NULL"no message') * 40)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        many = [await asyncio.open_connection("127.0.0.1", port) for _ in range(65)]
        assert await asyncio.wait_for(many[-1][0].read(), 10) == b"", "so many of one address"
        for _, writer in many:
            writer.close()
        for _ in range(100):
            if not receiver._connections:
                break
            await asyncio.sleep(0.05)
        assert not receiver._connections
        assert not told

    wired(test, {})
