"""A subscription to a camera's events that comes back by itself: ONVIF's pull point.

Pulling keeps it alive; `Renew`, which some cameras answer wrongly, is asked for while it works, and no more. It is
never ended in order: some cameras end those of all others with it.
"""

import time
from collections.abc import Sequence
from typing import Any

import httpx
from onveef import OnvifClient, OnvifCredentials, OnvifEndpoint, OnvifError, envelopes, parsers
from onveef.exceptions import OnvifAuthError, OnvifCapabilityMissingError, OnvifTimeoutError

from shared.errors import HawklineError

_LASTS = "PT60S"
_RENEW_S = 25.0
_PULL = "PT2S"
_PULL_ACTION = "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/PullMessagesRequest"
_TIMEOUT_S = 5.0
_MOST_MESSAGES = 50
_TRIES = 2


class PullPointError(HawklineError):
    """The camera does not tell its events; the message says why, without the password."""


class PullPoint:
    """One camera's events.

    Args:
        host: its address.
        port: its HTTP port.
        username: an account that may read events; empty: none.
        password: of it.
        tls: by HTTPS, whatever its certificate.
    """

    def __init__(self, host: str, port: int, username: str, password: str, *, tls: bool = False) -> None:
        self._http = httpx.Client(timeout=_TIMEOUT_S, verify=False, trust_env=False)  # noqa: S501 - cameras sign their own
        self._client = OnvifClient(
            endpoint=OnvifEndpoint.for_host(host, port=port, use_https=tls),
            credentials=OnvifCredentials(username, password),
            auto_discover=True,
            timeout_s=_TIMEOUT_S,
            verify_tls=False,
            retries=0,
            http_client=self._http,
        )
        self._url, self._renew_s, self._renews = "", 0.0, True

    def close(self) -> None:
        """Leave; the subscription ends by itself."""
        self._http.close()

    def pull(self) -> Sequence[dict[str, Any]]:
        """What has happened since the last time, after two seconds at most; at the beginning how everything is.

        Raises:
            PullPointError: the camera does not answer, or refuses.
        """
        for attempt in range(_TRIES):
            try:
                if not self._url:
                    self._begin()
                self._renew()
                return self._pull()
            except OnvifAuthError:
                raise PullPointError("refuses the account: user, password, or its clock is wrong") from None
            except OnvifCapabilityMissingError:
                raise PullPointError("has no events by ONVIF; switch ONVIF on in its settings") from None
            except OnvifTimeoutError:
                raise PullPointError("does not answer") from None
            except OnvifError as error:
                # It was started again, or has ended all subscriptions: once more from the beginning.
                self._url = ""
                if attempt == _TRIES - 1:
                    raise PullPointError(f"{type(error).__name__.removeprefix('Onvif')}: {error}"[:120]) from None
        raise AssertionError("unreachable")

    def _pull(self) -> Sequence[dict[str, Any]]:
        # Not by `events_pull_messages`: 0.6 gives httpx a time-out within a time-out, which that refuses.
        xml = self._client._post_subscription(
            subscription_url=self._url,
            body=envelopes.events_pull_messages(timeout=_PULL, message_limit=_MOST_MESSAGES),
            wsa_action=_PULL_ACTION,
            operation="PullMessages",
        )
        return parsers.parse_pull_messages(xml).get("messages") or ()

    def _begin(self) -> None:
        found = self._client.events_create_pull_point(termination_time=_LASTS)
        self._url = str(found.get("subscription_url") or "")
        if not self._url:
            raise PullPointError("gives no address of its subscription")
        self._renews, self._renew_s = True, time.monotonic() + _RENEW_S
        try:
            self._client.events_set_synchronization_point(subscription_url=self._url)
        except OnvifError:
            return  # then it tells only what changes

    def _renew(self) -> None:
        if not self._renews or time.monotonic() < self._renew_s:
            return
        try:
            self._client.events_renew(subscription_url=self._url, termination_time=_LASTS)
            self._renew_s = time.monotonic() + _RENEW_S
        except OnvifError:
            self._renews = False  # for this subscription
