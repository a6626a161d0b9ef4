"""The errors that people see. The root of every error that Hawkline raises on purpose is HawklineError."""


class HawklineError(Exception):
    """Hawkline cannot do what was asked."""

    exit_code = 2

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class ConfigError(HawklineError):
    """A configuration file is wrong: the message names file, key and what was expected."""


class UnavailableError(HawklineError):
    """Something that must be reachable is not: a database, a broker, a camera."""


class PortInUseError(HawklineError):
    """Another program listens on the port that was configured."""


class WireError(HawklineError):
    """Bytes from the network that do not follow the protocol."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)
