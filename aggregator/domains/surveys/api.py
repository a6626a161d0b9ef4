"""How a camera looks now, asked for by who draws its lines."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import Draws
from aggregator.api.scenes import SceneBody, read_scene
from aggregator.domains.surveys import surveys
from aggregator.domains.surveys.surveys import Survey
from aggregator.store.database import Connection
from shared.topics import Address

router = APIRouter(prefix="/api/v1", tags=["surveys"])

_Text = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
_Number = Annotated[int, Path(ge=1, lt=2**62)]
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "there is none such"}}


class SurveyBody(BaseModel):
    """Of which camera, and what is tried on its last minute; without a scene nothing is."""

    model_config = ConfigDict(extra="forbid")

    camera: _Text
    scene: SceneBody | None = None


@router.post(
    "/boxes/{site}/{agent}/surveys",
    responses={**_MISSING, 409: {"description": "the box is away, or sixty of the camera were made in ten minutes"}},
)
@audited
def ask_survey(who: Draws, site: str, agent: str, body: SurveyBody, connection: Connection) -> Survey:
    """Have a box make a picture of a camera, and try a scene on its last minute; it is here some seconds later.

    Plates are blurred in it, what lies in a privacy mask is black. It is kept for ten minutes, and who asked sees it.
    """
    scene = None if body.scene is None else read_scene(body.scene)
    return surveys.ask(connection, who, Address(site, agent), body.camera, scene)


@router.get("/surveys/{number}", responses=_MISSING)
def read_survey(who: Draws, number: _Number, connection: ConnectionDependency) -> Survey:
    """What became of one's own."""
    return surveys.one(connection, who, number)


@router.get(
    "/surveys/{number}/picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **_MISSING},
)
def read_survey_picture(who: Draws, number: _Number, connection: ConnectionDependency) -> Response:
    """The picture of one's own."""
    jpeg = surveys.picture(connection, who, number)
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})
