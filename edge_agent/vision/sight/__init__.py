"""Whether a camera's picture can be judged by: covered, out of focus, moved, frozen, dark, dirty and so on.

One picture a second is enough. What is always there is an `Appearance`: the edges that stand in their places. A picture
is compared with it cell by cell (`measures`), the `SightJudge` makes verdicts of the figures and waits until they last.
No input, no output, no clock.
"""

from edge_agent.vision.sight.judge import Change, SightJudge
from edge_agent.vision.sight.memory import Memory, UnreadableMemory, pack, unpack
from edge_agent.vision.sight.picture import SightPicture, sight_picture

__all__ = ["Change", "Memory", "SightJudge", "SightPicture", "UnreadableMemory", "pack", "sight_picture", "unpack"]
