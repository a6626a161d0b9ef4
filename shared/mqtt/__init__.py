"""MQTT 5. The only room that imports paho."""

from shared.mqtt.connection import Connection, Message, Will

__all__ = ["Connection", "Message", "Will"]
