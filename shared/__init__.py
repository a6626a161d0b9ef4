"""What every part of Hawkline speaks: events, topics, the wire, scenes, clocks and errors."""
