"""What routes about people are told by their addresses and bodies."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from shared.ids import NAME_PATTERN

Name = Annotated[str, Path(pattern=NAME_PATTERN)]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
NameSaid = Annotated[str, Field(pattern=NAME_PATTERN)]
Password = Annotated[str, Field(max_length=1000)]


class Body(BaseModel):
    """What is not known in it is refused."""

    model_config = ConfigDict(extra="forbid")


class RoleThere(Body):
    """A role in a place; null is everywhere."""

    role: NameSaid
    place: NameSaid | None = None
