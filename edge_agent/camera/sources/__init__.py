"""Where frames come from: a camera's stream, a file, a generated scene."""

from edge_agent.frames import Frame, Source, SourceEvent

__all__ = ["Frame", "Source", "SourceEvent"]
