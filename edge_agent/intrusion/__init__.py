"""The box's own alarm panel: sensors, partitions, outputs. Pure: time and readings are told to it."""
