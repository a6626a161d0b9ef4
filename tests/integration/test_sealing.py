"""What a box keeps under its TPM's key, with a TPM 2.0 in software that speaks the real protocol."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge_agent.sealing import AnotherMachineError, ByMachine, SealedError, objection
from shared.net import is_listening, pick_free_port

SECRET = b"hashes of ten thousand plates" * 100

if not (shutil.which("swtpm") and shutil.which("tpm2_unseal")):
    pytest.skip("swtpm or tpm2-tools are missing (Debian: swtpm tpm2-tools)", allow_module_level=True)

Machine = Callable[[str], "Tpm"]


class Tpm:
    """Of one machine; it keeps what it has through `stop` and `start`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._port = next(port for port in iter(pick_free_port, 0) if not is_listening("127.0.0.1", port + 1))
        self.transport = f"swtpm:host=127.0.0.1,port={self._port}"
        self.start()

    def start(self) -> None:
        control = self._port + 1  # where tpm2-tools look for it
        ends = ["--server", f"type=tcp,port={self._port}", "--ctrl", f"type=tcp,port={control}"]
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self._folder}", *ends]
        self._process = subprocess.Popen([*command, "--flags", "not-need-init,startup-clear"])
        deadline_s = time.monotonic() + 10
        while not is_listening("127.0.0.1", control) and time.monotonic() < deadline_s:
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Makes the machine that the test is on from now on, by a name, with a TPM of its own."""
    with ExitStack() as stack:

        def make(name: str) -> Tpm:
            tpm = Tpm(tmp_path / "tpm" / name)
            stack.callback(tpm.stop)
            monkeypatch.setenv("TPM2TOOLS_TCTI", tpm.transport)
            return tpm

        yield make


def test_what_is_sealed_opens_in_the_next_life_and_says_nothing_to_who_has_the_card(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = machine("ours")
    kept = ByMachine(tmp_path).seal(SECRET)
    assert SECRET[:10] not in kept
    assert ByMachine(tmp_path).open(kept) == SECRET
    assert ByMachine(tmp_path).in_words() == (True, "sealed by this machine's TPM")
    key = ByMachine(tmp_path)._known_key()
    assert key
    assert all(key not in path.read_bytes() for path in tmp_path.glob("seal.*"))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("seal.*")} == {0o600}
    machine("another")
    with pytest.raises(AnotherMachineError):
        ByMachine(tmp_path).open(kept)
    monkeypatch.setenv("TPM2TOOLS_TCTI", ours.transport)
    with pytest.raises(AnotherMachineError, match="the key that it was sealed under is not here"):
        ByMachine(tmp_path / "elsewhere").open(kept)


@pytest.mark.parametrize("at", [20, 40, -1])
def test_what_is_damaged_is_not_opened(machine: Machine, tmp_path: Path, at: int) -> None:
    machine("ours")
    tpm = ByMachine(tmp_path)
    kept = bytearray(tpm.seal(SECRET))
    kept[at] ^= 1
    for damaged in (kept, kept[:25], kept[:-1]):
        with pytest.raises(AnotherMachineError):
            tpm.open(bytes(damaged))


def test_a_card_in_another_machine_seals_anew(machine: Machine, tmp_path: Path) -> None:
    machine("ours")
    kept = ByMachine(tmp_path).seal(SECRET)
    machine("another")
    there = ByMachine(tmp_path)
    with pytest.raises(AnotherMachineError):
        there.open(kept)
    again = there.seal(SECRET)
    assert there.is_sealed(again)
    assert ByMachine(tmp_path).open(again) == SECRET


def test_a_tpm_that_is_away_for_a_while_costs_no_key_and_nothing_lies_open(machine: Machine, tmp_path: Path) -> None:
    tpm = machine("ours")
    kept = ByMachine(tmp_path).seal(SECRET)
    tpm.stop()
    away = ByMachine(tmp_path)
    with pytest.raises(SealedError) as told:
        away.open(kept)
    assert not isinstance(told.value, AnotherMachineError)
    with pytest.raises(SealedError):
        away.seal(SECRET)
    ok, said = away.in_words()
    assert ok is None
    assert said.startswith("in memory alone until the TPM answers: tpm2_createprimary: ")
    tpm.start()
    assert away.open(kept) == SECRET


def test_a_tpm_that_is_owned_by_others_or_hangs_leaves_file_rights_and_says_so(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    machine("ours")
    subprocess.run(["tpm2_changeauth", "-c", "owner", "secret"], check=True)
    owned = ByMachine(tmp_path)
    assert owned.seal(SECRET) == SECRET
    assert "lists are kept by file rights alone: tpm2_createprimary" in caplog.text
    ok, said = owned.in_words()
    assert (ok, said.partition(": tpm2")[0]) == (
        None,
        "by file rights: a card that is taken out gives them away, as hashes",
    )
    hangs = tmp_path / "tools"
    hangs.mkdir()
    for tool in ("tpm2_createprimary", "tpm2_create", "tpm2_load", "tpm2_unseal", "tpm2_flushcontext"):
        (hangs / tool).write_text("#!/bin/sh\nexec sleep 60\n")
        (hangs / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{hangs}:/usr/bin:/bin")
    monkeypatch.setattr("edge_agent.sealing._WITHIN_S", 0.3)
    began_s = time.monotonic()
    assert ByMachine(tmp_path).seal(SECRET) == SECRET
    assert time.monotonic() - began_s < 20
    assert "the TPM does not answer within" in caplog.text


def test_a_card_that_takes_nothing_leaves_file_rights(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("ours")

    def full(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("edge_agent.sealing.write_secret", full)
    assert ByMachine(tmp_path).seal(SECRET) == SECRET
    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    assert ByMachine(tmp_path).seal(SECRET) == SECRET


def test_a_machine_without_a_tpm_or_its_tools(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("ours")
    ByMachine(tmp_path).seal(SECRET)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert objection() == "there is a TPM, and no tpm2_createprimary: install tpm2-tools"
    monkeypatch.delenv("TPM2TOOLS_TCTI")
    monkeypatch.setattr("edge_agent.sealing.DEVICE", tmp_path / "none")
    assert ByMachine(tmp_path / "new").seal(SECRET) == SECRET
    assert ByMachine(tmp_path / "new").in_words()[0] is True
    with pytest.raises(SealedError, match="no TPM"):
        ByMachine(tmp_path).seal(SECRET)
