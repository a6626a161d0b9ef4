"""A row as a typed thing: what the API returns and the feed carries."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

PresenceState = Literal["online", "silent", "unknown"]


class Entity(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)
