"""A user number without a name, as containers have it, is a name for records too."""

import os
import pwd
from typing import NoReturn

import pytest

from shared.user_name import user_name


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> NoReturn:
        raise KeyError(number)

    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    assert user_name() == pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert user_name() == f"user {os.getuid()}"
    monkeypatch.setenv("USER", "li")
    assert user_name() == "li"
