"""SIA DC-09: how alarm panels report over IP. Pure but for `receiver`."""
