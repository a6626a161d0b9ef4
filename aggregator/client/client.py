"""The API as the commands see it: answers, or one line that says what to do."""

import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from html import unescape
from pathlib import Path
from typing import Any

import httpx

from shared.credentials import http_address, without_credentials
from shared.errors import ConfigError, HawklineError, UnavailableError
from shared.net import is_listening, is_loopback, speaks_tls

_TIMEOUT_S = 60.0
_PAGE = 500
_SIGN_IN, _SIGN_OUT, _COOKIE = "/sign-in", "/sign-in/out", "__Host-hawkline="
_NOT_SENT = "not sent in plain text beyond this machine; write https://, and name the root certificate in HAWKLINE_ROOT"
_BEGUN = re.compile(r'name="begun" value="([^"]+)"')
_REFUSALS = {403, 409, 422}


class ApiClient:
    """Talks to one aggregator.

    `HAWKLINE_TOKEN` or `HAWKLINE_TOKEN_FILE` has a key (`hawkline key add`), `HAWKLINE_ROOT` names the root certificate
    of the deployment: `hawkline aggregator init` writes them down.

    Args:
        url: such as http://127.0.0.1:8420.
    """

    def __init__(self, url: str) -> None:
        self._url = without_credentials(url)
        """To be shown."""
        try:
            http_address(url, "http://HOST:PORT, such as http://127.0.0.1:8420")
            token = _token()
            self._in_the_open = url.lower().startswith("http://") and not is_loopback(httpx.URL(url).host)
            if token and self._in_the_open:
                raise ValueError(f"a key is {_NOT_SENT}")
            self._http = httpx.Client(
                base_url=url, timeout=_TIMEOUT_S, trust_env=False, headers=token, verify=_verified(url)
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise ConfigError(f"--url: {error}") from None

    @contextmanager
    def as_person(self, name: str, password: str, ask_code: Callable[[], str]) -> Iterator[None]:
        """Ask as a person who signs in, and signs out at the end: some things no key may do.

        Args:
            ask_code: asks for the six digits of the second step, where the account has one.

        Raises:
            ConfigError: name, password or digits are wrong, or the account has to be completed in a browser first.
            UnavailableError: no answer, or not of an aggregator.
        """
        if self._in_the_open:
            raise ConfigError(f"--url: a password is {_NOT_SENT}")
        self._http.headers.pop("authorization", None)
        origin = {"origin": str(self._http.base_url).rstrip("/")}
        answer = self._sign_in(_SIGN_IN, {"name": name, "password": password})
        if begun := _BEGUN.search(answer.text):
            if "data:image" in answer.text or "<svg" in answer.text:
                raise ConfigError(f"{name} has to set up a second step: sign in with a browser once")
            answer = self._sign_in(f"{_SIGN_IN}/code", {"begun": unescape(begun[1]), "code": ask_code()})
        kept = next((each.split(";")[0] for each in answer.headers.get_list("set-cookie") if _COOKIE in each), None)
        if kept is None:
            raise ConfigError("name, password or digits are wrong, or there were too many tries: wait a minute")
        self._http.headers.update({**origin, "cookie": kept})
        try:
            yield
        finally:
            with suppress(HawklineError):  # what was done is done; the session ends by itself
                self._sign_in(_SIGN_OUT, {})
            self._http.headers.pop("cookie", None)

    def _sign_in(self, path: str, said: dict[str, str]) -> httpx.Response:
        try:
            answer = self._http.post(path, data=said, follow_redirects=False)
        except httpx.HTTPError as error:
            raise UnavailableError(f"--url {self._url}: no aggregator answers ({error})") from None
        if answer.status_code in (404, 405):
            raise ConfigError(f"--url {self._url}: nobody signs in there, for it has no [trust]")
        return answer

    def get(self, path: str, asked: Mapping[str, Any]) -> Any:
        """JSON of a route; what is None is not asked.

        Raises:
            ConfigError: the API says that the question makes no sense.
            UnavailableError: no answer, or not of an aggregator.
        """
        params = {name: value for name, value in asked.items() if value is not None}
        try:
            return self._send("GET", path, params=params).json()
        except ValueError as error:
            raise UnavailableError(f"--url {self._url}: no aggregator answers ({error})") from None

    def content(self, path: str) -> bytes:
        """What a route answers that gives no JSON, such as a picture.

        Raises:
            ConfigError, UnavailableError: as `get`.
        """
        return self._send("GET", path).content

    def change(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Change something; returns what is answered.

        Raises:
            ConfigError: the API refuses the change.
            UnavailableError: no answer, or not of an aggregator.
        """
        answer = self._send(method, path, json=body)
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **more)
            if answer.status_code in _REFUSALS:
                raise ConfigError(_complaint(answer))
            return answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise UnavailableError(
                f"{self._url}{path}: {error.response.status_code} {_complaint(error.response)}"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = str(error) or type(error).__name__
            if "CERTIFICATE_VERIFY_FAILED" in what:
                raise UnavailableError(
                    f"--url {self._url}: its certificate is not one of the root that we know ({what}); "
                    "HAWKLINE_ROOT names the deployment's root certificate"
                ) from None
            if said := self._other_scheme():
                raise UnavailableError(f"--url {self._url}: {said}") from None
            raise UnavailableError(
                f"--url {self._url}: no aggregator answers ({what}); is `hawkline aggregator run` up?"
            ) from None

    def _other_scheme(self) -> str | None:
        """Whether something answers there, in plain text or over TLS where we wanted the other."""
        address = self._http.base_url
        host, secure = address.host, address.scheme == "https"
        port = address.port or (443 if secure else 80)
        if not is_listening(host, port):
            return None
        if speaks_tls(host, port) and not secure:
            return (
                f"it speaks TLS there; use https://{host}:{port}, and say whom to believe and who asks: "
                "`. DATA_DIR/secrets/hawkline.env` sets HAWKLINE_URL, HAWKLINE_ROOT and HAWKLINE_TOKEN_FILE"
            )
        if secure and not speaks_tls(host, port):
            return f"it does not speak TLS there; is it http://{host}:{port}?"
        return None

    def pages(self, path: str, asked: Mapping[str, Any], key: str, limit: int) -> Iterator[dict[str, Any]]:
        """Rows of a route that gives pages, at most `limit` of them.

        Raises:
            ConfigError, UnavailableError: as `get`.
        """
        after = None
        while limit > 0:
            answer = self.get(path, {**asked, "after": after, "limit": min(limit, _PAGE)})
            yield from answer[key]
            limit -= len(answer[key])
            after = answer["next"]
            if after is None:
                return


def _token() -> dict[str, str]:
    found, file = os.environ.get("HAWKLINE_TOKEN", ""), os.environ.get("HAWKLINE_TOKEN_FILE", "")
    if not found and file:
        try:
            found = Path(file).read_text().strip()
        except OSError as error:
            raise ConfigError(f"HAWKLINE_TOKEN_FILE={file}: cannot be read ({error.strerror})") from None
    return {"authorization": f"Bearer {found}"} if found else {}


def _verified(url: str) -> ssl.SSLContext | bool:
    root = os.environ.get("HAWKLINE_ROOT", "")
    if not root or not url.startswith("https://"):
        return True
    from shared.trust import client_context, read_root

    return client_context(read_root(Path(root)))


def _complaint(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
    return str(detail)
