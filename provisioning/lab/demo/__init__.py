"""The whole of Hawkline on one machine: aggregator, agents with generated scenes or a video, and a verdict."""
