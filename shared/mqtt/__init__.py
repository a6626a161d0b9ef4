"""MQTT 5. The only room that imports paho."""

from shared.mqtt.connection import Connection, Message, Will
from shared.mqtt.loop import Loop

__all__ = ["Connection", "Loop", "Message", "Will"]
