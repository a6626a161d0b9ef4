"""What planners are told, in their own language."""

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Language(StrEnum):
    """Of messages and of the heads of a workbook."""

    ENGLISH = "en"
    CHINESE = "zh"


class Said(NamedTuple):
    """One thing, in both languages."""

    en: str
    zh: str

    def of(self, language: Language) -> str:
        """In one of them."""
        return self.zh if language is Language.CHINESE else self.en


def language_of(environment: Mapping[str, str] | None = None) -> Language:
    """The language that a terminal's locale asks for: as POSIX has it, LC_ALL before LC_MESSAGES before LANG."""
    found = os.environ if environment is None else environment
    locale = next((found[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if found.get(key)), "")
    return Language.CHINESE if locale.lower().startswith("zh") else Language.ENGLISH
