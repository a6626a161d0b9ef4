"""A provider of identities that people sign in at: OpenID Connect, authorization code with PKCE.

What it says of a person counts when it is signed by a key of its own, is for us, is new, and answers the very question
that this browser has asked.
"""

import asyncio
import json
import re
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from shared.errors import ConfigError
from shared.ids import check_name

_SIGNED_WITH = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Keys of their own only: with one that both sides have, who can read our file could sign, too."""
_LEEWAY_S = 60
_TIMEOUT_S = 10.0
_METADATA_S, _KEYS_S, _FAILED_S = 600.0, 30.0, 5.0
_MOST_BYTES = 1 << 20


class ProviderError(Exception):
    """The provider does not answer, or what it says does not count; the message is for an administrator."""


@dataclass(frozen=True, slots=True)
class ProviderRules:
    """What an installation knows of its provider.

    Attributes:
        issuer: its address, as it names itself.
        secret: that it knows us by; empty: by PKCE alone.
        label: what people call it.
        groups: for a group's name the roles that it has here, each `ROLE` or `ROLE@PLACE`.
        back: the address of ours where it sends people back to.
        tls: whom to believe that they are the provider.
    """

    issuer: str
    client_id: str
    secret: str
    label: str
    name_claim: str
    groups_claim: str
    groups: Mapping[str, Sequence[str]]
    back: str
    tls: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class Question:
    """What a browser keeps while it is at the provider.

    Attributes:
        state: what the provider sends back with the browser.
        nonce: what stands in what it says of the person.
        verifier: of PKCE: who has only the code gets nothing for it.
    """

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider says of a person.

    Attributes:
        subject: its own name for them, which never changes, behind the issuer's.
        name: what an account of theirs is called here.
        roles: each `ROLE` or `ROLE@PLACE`.
    """

    subject: str
    name: str
    title: str
    roles: frozenset[str]


class IdentityProvider:
    """Asks it who somebody is. Metadata and keys are fetched when they are needed, and kept a while.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, rules: ProviderRules, clock: Callable[[], float] = time.time) -> None:
        self.rules = rules
        self._clock = clock
        self._metadata: tuple[float, OpenIDProviderMetadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._failed: tuple[float, ProviderError] | None = None
        self._fetching = asyncio.Lock()

    async def ask(self) -> tuple[str, Question]:
        """The address that a browser shall go to, and what it keeps meanwhile.

        Raises:
            ProviderError: it does not answer.
        """
        metadata = await self._known_metadata()
        question = Question(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
        address = prepare_grant_uri(
            metadata["authorization_endpoint"],
            client_id=self.rules.client_id,
            response_type="code",
            redirect_uri=self.rules.back,
            scope="openid profile",
            state=question.state,
            nonce=question.nonce,
            code_challenge=create_s256_code_challenge(question.verifier),
            code_challenge_method="S256",
        )
        return address, question

    async def answer(self, question: Question, code: str) -> Vouched:
        """What it says of the person who brings this code.

        Raises:
            ProviderError: it does not answer, or what it says does not count.
        """
        metadata = await self._known_metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.rules.back,
            "client_id": self.rules.client_id,
            "code_verifier": question.verifier,
        }
        known_as = None
        if self.rules.secret:
            known_as = httpx.BasicAuth(quote(self.rules.client_id, safe=""), quote(self.rules.secret, safe=""))
        told = await self._fetch(metadata["token_endpoint"], form, known_as)
        if not isinstance(told.get("id_token"), str):
            raise ProviderError(f"it says nothing of the person ({told.get('error', 'no id_token')})")
        return self._vouched(await self._claims(told["id_token"], question.nonce))

    async def _claims(self, token: str, nonce: str) -> CodeIDToken:
        try:
            try:
                read = jwt.decode(token, await self._known_keys(), algorithms=_SIGNED_WITH)
            except InvalidKeyIdError:  # it has a new one
                read = jwt.decode(token, await self._known_keys(afresh=True), algorithms=_SIGNED_WITH)
            who = {"iss": {"essential": True, "value": self.rules.issuer}}
            who["aud"] = {"essential": True, "value": self.rules.client_id}
            asked = {"nonce": nonce, "client_id": self.rules.client_id}
            claims = CodeIDToken(read.claims, read.header, who, asked)
            claims.validate(int(self._clock()), _LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderError(f"what it says does not count: {type(error).__name__}: {error}") from None
        return claims

    def _vouched(self, claims: Mapping[str, Any]) -> Vouched:
        said = str(claims.get(self.rules.name_claim) or "")
        name = re.sub(r"[._ ]+", "-", said.partition("@")[0].casefold()).strip("-")
        try:
            check_name(name, "name")
        except ConfigError:
            raise ProviderError(f"{self.rules.name_claim} {said!r}: no account can be called so") from None
        groups = claims.get(self.rules.groups_claim) or ()
        if isinstance(groups, str) or not isinstance(groups, Sequence):
            groups = (groups,)
        roles = frozenset(role for group in groups for role in self.rules.groups.get(str(group), ()))
        title = "".join(each for each in str(claims.get("name") or "") if each.isprintable())[:100]
        return Vouched(f"{self.rules.issuer} {claims['sub']}", name, title, roles)

    async def _known_metadata(self) -> OpenIDProviderMetadata:
        async with self._fetching:
            if self._metadata is None or self._clock() - self._metadata[0] > _METADATA_S:
                if self._failed and self._clock() - self._failed[0] < _FAILED_S:
                    raise self._failed[1]  # who waited for the same meanwhile does not wait once more
                try:
                    answer = await self._fetch(f"{self.rules.issuer.rstrip('/')}/.well-known/openid-configuration")
                except ProviderError as error:
                    self._failed = self._clock(), error
                    raise
                found = OpenIDProviderMetadata(answer)
                if found.get("issuer") != self.rules.issuer:
                    raise ProviderError(f"it calls itself {found.get('issuer')!r}; key provider.issuer has another")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    self._require_safe(name, found.get(name))
                self._metadata = self._clock(), found
            return self._metadata[1]

    def _require_safe(self, name: str, address: object) -> None:
        """An address of the provider's is as safe as the one that we were told of it."""
        schemes = {"https", urlsplit(self.rules.issuer).scheme}
        if not isinstance(address, str) or urlsplit(address).scheme not in schemes:
            raise ProviderError(f"its {name} {address!r} is no https:// address")

    async def _known_keys(self, *, afresh: bool = False) -> KeySet:
        metadata = await self._known_metadata()
        async with self._fetching:
            fetched_s = self._keys[0] if self._keys else float("-inf")
            if self._keys is None or self._clock() - fetched_s > (_KEYS_S if afresh else _METADATA_S):
                found = await self._fetch(metadata["jwks_uri"])
                try:
                    self._keys = self._clock(), KeySet.import_key_set(found)  # type: ignore[arg-type]
                except (JoseError, KeyError, ValueError, TypeError) as error:
                    raise ProviderError(f"its keys cannot be read: {type(error).__name__}: {error}") from None
            return self._keys[1]

    async def _fetch(
        self, address: str, form: Mapping[str, str] | None = None, known_as: httpx.BasicAuth | None = None
    ) -> dict[str, Any]:
        """A JSON object of the provider.

        Raises:
            ProviderError: it does not answer with one.
        """
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                httpx.AsyncClient(verify=self.rules.tls, timeout=_TIMEOUT_S, trust_env=False) as client,
                client.stream("POST" if form else "GET", address, data=form, auth=known_as) as answer,
            ):
                content = bytearray()
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > _MOST_BYTES:
                        raise ProviderError(f"{address} answers with more than {_MOST_BYTES} bytes")
                read = json.loads(content)
                if form is None and answer.status_code != 200:
                    raise ProviderError(f"{address} answers with {answer.status_code}")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            raise ProviderError(f"{address} does not answer: {type(error).__name__}: {error}") from None
        if not isinstance(read, dict):
            raise ProviderError(f"{address} answers with no JSON object")
        return read
