"""What a box keeps under its TPM's key, with a TPM 2.0 in software that speaks the real protocol."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge_agent.sealing import BY_RIGHTS, ByTpm, SealedError, objection, sealing
from shared.net import is_listening, pick_free_port

SECRET = b"hashes of ten thousand plates" * 100

if not (shutil.which("swtpm") and shutil.which("tpm2_unseal")):
    pytest.skip("swtpm or tpm2-tools are missing (Debian: swtpm tpm2-tools)", allow_module_level=True)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Gives each machine a TPM of its own: by a name the transport of tpm2-tools to it."""
    with ExitStack() as stack:

        def make(name: str) -> str:
            port = next(port for port in iter(pick_free_port, 0) if not is_listening("127.0.0.1", port + 1))
            control = port + 1  # where tpm2-tools look for it
            folder = tmp_path / "tpm" / name
            folder.mkdir(parents=True)
            ends = ["--server", f"type=tcp,port={port}", "--ctrl", f"type=tcp,port={control}"]
            command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", *ends]
            process = subprocess.Popen([*command, "--flags", "not-need-init,startup-clear"])
            stack.callback(lambda: (process.terminate(), process.wait(10)))
            deadline_s = time.monotonic() + 10
            while not is_listening("127.0.0.1", control) and time.monotonic() < deadline_s:
                time.sleep(0.05)
            return f"swtpm:host=127.0.0.1,port={port}"

        yield make


def test_what_is_sealed_opens_in_the_next_life_and_says_nothing_to_who_has_the_card(
    machine: Callable[[str], str], tmp_path: Path
) -> None:
    ours = machine("ours")
    kept = ByTpm(tmp_path, ours).seal(SECRET)
    assert SECRET[:10] not in kept
    assert ByTpm(tmp_path, ours).open(kept) == SECRET
    key = ByTpm(tmp_path, ours)._known_key()
    assert all(key not in path.read_bytes() for path in tmp_path.glob("seal.*"))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("seal.*")} == {0o600}
    with pytest.raises(SealedError):
        ByTpm(tmp_path, machine("another")).open(kept)
    with pytest.raises(SealedError, match="this machine has none"):
        BY_RIGHTS.open(kept)


@pytest.mark.parametrize("at", [3, 20, 40, -1])
def test_what_is_damaged_is_not_opened(machine: Callable[[str], str], tmp_path: Path, at: int) -> None:
    tpm = ByTpm(tmp_path, machine("ours"))
    kept = bytearray(tpm.seal(SECRET))
    kept[at] ^= 1
    if at == 3:  # it is not known as sealed any more, and its reader finds that it is nothing
        assert tpm.open(bytes(kept)) != SECRET
        return
    with pytest.raises(SealedError):
        tpm.open(bytes(kept))
    with pytest.raises(SealedError):
        tpm.open(bytes(kept[:25]))


def test_a_card_in_another_machine_seals_anew(
    machine: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TPM2TOOLS_TCTI", machine("ours"))
    kept = sealing(tmp_path).seal(SECRET)
    monkeypatch.setenv("TPM2TOOLS_TCTI", machine("another"))
    there = sealing(tmp_path)
    assert there.encrypts
    with pytest.raises(SealedError):
        there.open(kept)
    assert there.open(there.seal(SECRET)) == SECRET


def test_a_tpm_that_does_not_answer_leaves_file_rights_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TPM2TOOLS_TCTI", f"swtpm:host=127.0.0.1,port={pick_free_port()}")
    assert sealing(tmp_path) is BY_RIGHTS
    assert "lists are kept by file rights alone: tpm2_createprimary" in caplog.text
    monkeypatch.setenv("PATH", str(tmp_path))
    assert objection() == "there is a TPM, and no tpm2_createprimary: install tpm2-tools"
    monkeypatch.delenv("TPM2TOOLS_TCTI")
    monkeypatch.setattr("edge_agent.sealing.DEVICE", tmp_path / "none")
    assert (sealing(tmp_path), objection()) == (BY_RIGHTS, "")
