"""MQTT 5. The only room that imports paho."""

from shared.mqtt.connection import Connection, Will
from shared.mqtt.loop import Loop
from shared.mqtt.message import Message
from shared.mqtt.receiver import Receiver

__all__ = ["Connection", "Loop", "Message", "Receiver", "Will"]
