"""Codes of a phone, against the vectors of RFC 4226 and RFC 6238, and what is sealed."""

import base64
from pathlib import Path

import pytest

from aggregator.people import second_step
from aggregator.people.sealing import Sealer, SealError

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_vectors_of_rfc_6238(at_s: int, code: str) -> None:
    """They have eight digits; phones show the last six of them."""
    assert second_step.step_of(SECRET, code[-6:], at_s) == at_s // 30
    assert second_step.step_of(SECRET, f"{code[-6:-3]} {code[-3:]}", at_s) == at_s // 30, "as people type them"


def test_vectors_of_rfc_4226() -> None:
    """A half minute is what counts there."""
    codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
    for step, code in enumerate(codes):
        assert second_step.step_of(SECRET, code, step * 30) == step


def test_clocks_may_differ_by_half_a_minute() -> None:
    code, step = "287082", 1
    assert [second_step.step_of(SECRET, code, at_s) for at_s in (0, 59, 60, 89, 90)] == [step, step, step, step, None]


@pytest.mark.parametrize("code", ["", "28708", "2870822", "28708२", "２８７０８２", "abcdef", "-28708"])
def test_what_is_no_code(code: str) -> None:
    assert second_step.step_of(SECRET, code, 45) is None


def test_the_picture_is_what_phones_read() -> None:
    uri = second_step.uri("li", SECRET)
    assert uri.startswith("otpauth://totp/Hawkline:li?")
    assert f"secret={SECRET}" in uri
    assert second_step.drawn("li", SECRET).startswith("data:image/svg+xml")


def test_what_is_sealed_opens_for_its_purpose_only(tmp_path: Path) -> None:
    sealer = Sealer(tmp_path)
    sealed = sealer.seal_text("totp of li", "a")
    assert Sealer(tmp_path).open_text("totp of li", sealed, str) == "a", "also after a restart"
    for purpose, text in (("totp of wang", sealed), ("totp of li", sealed[:-4] + "AAAA"), ("totp of li", "")):
        with pytest.raises(SealError):
            sealer.open_text(purpose, text, str)
    with pytest.raises(SealError):
        sealer.open_text("totp of li", sealed, int)
    for odd in ("é", "A", "=" * 40, "!" * 40):
        with pytest.raises(SealError):
            sealer.open_text("totp of li", odd, str)
    (tmp_path / "odd" / "secrets").mkdir(parents=True)
    (tmp_path / "odd" / "secrets" / "people.key").write_bytes(b"short")
    with pytest.raises(ValueError, match="key"):
        Sealer(tmp_path / "odd")
    assert (tmp_path / "secrets" / "people.key").stat().st_mode & 0o77 == 0
    assert b"totp" not in sealer.seal("totp of li", "totp")
