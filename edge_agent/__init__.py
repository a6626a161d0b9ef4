"""The agent on the box: camera → vision → uplink, and orders from the centre."""
