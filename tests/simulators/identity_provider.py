"""A provider of identities on loopback: it speaks OpenID Connect, and tells lies when it is asked to."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

CLIENT, SECRET = "hawkline", "a secret of both/with odd+letters"


@dataclass(slots=True)
class LoopbackProvider:
    """What it says and does; tests change it as they go.

    Attributes:
        person: claims of who signs in there.
        lies: claims that the token holds in place of the right ones; None leaves one out.
        shown: keys that it shows.
        signs: the key that it signs with.
    """

    issuer: str
    person: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    signs: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    shown: list[Any] = field(default_factory=list)
    metadata_lies: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Mapping[str, str]] = field(default_factory=dict)
    fetched_keys: int = 0

    def metadata(self) -> dict[str, Any]:
        ways = {
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return {"issuer": self.issuer, **ways, **self.metadata_lies}

    def keys(self) -> dict[str, Any]:
        self.fetched_keys += 1
        return dict(KeySet(self.shown or [self.signs]).as_dict(private=False))

    def authorize(self, asked: Mapping[str, str]) -> str:
        """Sign the person in; returns where the browser goes."""
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.asked[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: Mapping[str, str], authorization: str) -> dict[str, Any]:
        """A code counts once, for who has asked, who has its verifier, and who is known."""
        asked = self.asked.pop(form["code"], None)
        known_as = base64.b64encode(f"{CLIENT}:{'a%20secret%20of%20both%2Fwith%20odd%2Bletters'}".encode()).decode()
        if asked is None or authorization != f"Basic {known_as}":
            return {"error": "invalid_grant" if asked is None else "invalid_client"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (challenge, form["redirect_uri"]) != (asked["code_challenge"], asked["redirect_uri"]):
            return {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
            **self.lies,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.signs.kid} if self.algorithm != "none" else {"alg": "none"}
        token = jwt.encode(header, claims, self.signs, algorithms=[self.algorithm])
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}


@contextmanager
def loopback_provider() -> Iterator[LoopbackProvider]:
    """One that runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                where = provider.authorize({name: values[0] for name, values in parse_qs(parts.query).items()})
                self.send_response(303)
                self.send_header("location", where)
                self.send_header("content-length", "0")
                self.end_headers()
            else:
                self._say(provider.keys() if parts.path == "/keys" else provider.metadata())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(provider.token(form, self.headers.get("authorization", "")))

        def _say(self, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = LoopbackProvider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def other_rsa_key() -> RSAKey:
    """One that is not shown; it calls itself like the one that is."""
    return RSAKey.generate_key(2048, {"kid": "one"})


def ec_key(kid: str) -> ECKey:
    """One of another kind."""
    return ECKey.generate_key("P-256", {"kid": kid})


def shared_key() -> OctKey:
    """The secret that both sides have, as a key."""
    return OctKey.import_key(SECRET, {"kid": "one"})
