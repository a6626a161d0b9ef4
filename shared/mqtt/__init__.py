"""MQTT 5. The only room that imports paho, and the only one that speaks MQTT itself."""

from shared.mqtt.connection import Connection
from shared.mqtt.loop import Loop, LoopConnection
from shared.mqtt.message import Message, Will
from shared.mqtt.receiver import Receiver

__all__ = ["Connection", "Loop", "LoopConnection", "Message", "Receiver", "Will"]
