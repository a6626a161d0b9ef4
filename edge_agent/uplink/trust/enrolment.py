"""A box's side of enrolment (EST, RFC 7030): it makes its key, asks for a certificate, and never sends the key.

root.pem      whom we believe
identity.pem  key, certificate and issuer, replaced in one step
pending.pem   a key whose certificate has not come yet: an answer that was lost is asked for again with it
withdrawn.pem lists of what the root and its issuers have taken back
"""

import base64
import logging
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from edge_agent.uplink import bounded_http
from edge_agent.uplink.bounded_http import Answer
from shared.clock import KnownTime, boot_s, to_ms
from shared.durations import clock_off
from shared.errors import ConfigError, UnavailableError
from shared.files import write_public, write_secret
from shared.plates.watchlist import MOST_BYTES as WATCHLIST_BYTES
from shared.topics import Address
from shared.trust import (
    Credentials,
    SignedTime,
    TrustClock,
    TrustError,
    WithdrawnFile,
    address_of,
    client_context,
    common_name,
    new_key,
    new_request,
    read_root,
    read_signed_time,
    read_withdrawn,
)
from shared.trust.keys import Key, key_from_pem, key_to_pem
from shared.trust.signed_time import NONCE_BYTES
from shared.trust.tls import DatedContext, fingerprint, unverified_context
from shared.trust.withdrawn import ToldLists, over_lists

log = logging.getLogger(__name__)

CLAIM_LETTERS = 20
_FRESH_S = 10.0
"""A time that took longer to come may have been held back on the way: a clock that follows it would be behind."""
_LONGEST_WORDS = 500
_LARGE_WITHIN_S = 180.0
"""Ten thousand entries over a thin link."""
_AGREES_S = 60.0
"""A clock that is no further off is left alone."""


@dataclass(slots=True)
class Door:
    """The boxes' door of an aggregator, and what we keep of it.

    Attributes:
        url: such as `https://alarm.example.org:8421`.
        folder: for root and credentials.
        clock: what certificates are held against; corrected by `ask_time`.
        withdrawn: what the root and its issuers have taken back; brought up to date by `ask_withdrawn`.
    """

    url: str
    folder: Path
    clock: TrustClock = field(default_factory=TrustClock)
    withdrawn: WithdrawnFile = field(init=False)

    def __post_init__(self) -> None:
        self.withdrawn = WithdrawnFile(self.folder / "withdrawn.pem", self.root)

    @property
    def root_path(self) -> Path:
        return self.folder / "root.pem"

    @property
    def identity_path(self) -> Path:
        return self.folder / "identity.pem"

    def root(self) -> x509.Certificate:
        """Whom we believe.

        Raises:
            TrustError: we have not been told.
        """
        return read_root(self.root_path)

    def identity(self) -> Credentials:
        """Who we are.

        Raises:
            TrustError: we have not enrolled.
        """
        if not self.identity_path.is_file():
            raise TrustError(f"{self.identity_path}: this box has not enrolled; enrol it: hawkline agent enrol")
        return Credentials.read(self.identity_path)

    def learn_root(self, wanted: str) -> None:
        """Take the aggregator's root if it is the one with this SHA-256; nothing else is believed of the answer.

        Raises:
            TrustError: it is another one.
            UnavailableError: the aggregator does not answer.
        """
        plain = wanted.lower().replace(":", "").replace(" ", "")
        if len(plain) != 64 or set(plain) - set("0123456789abcdef"):
            raise ConfigError(
                f"--fingerprint {wanted!r}: expected 64 hexadecimal digits, as the claim's print has them"
            )
        found = _read_certificates(self._get("/.well-known/est/cacerts", unverified_context()))
        for certificate in found:
            if fingerprint(certificate) == plain:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_public(self.root_path, certificate.public_bytes(Encoding.PEM))
                return
        raise TrustError(
            f"{self.url}: its root is not the one with the fingerprint {wanted}: another aggregator, or worse"
        )

    def ask_time(self) -> datetime:
        """Ask what time it is, and correct our clock where it is off.

        Raises:
            TrustError: the answer is not signed as it has to be.
            UnavailableError: the aggregator does not answer.
        """
        nonce, asked_s = secrets.token_bytes(NONCE_BYTES), self.clock.monotonic_s()
        answer = self._get("/api/v1/time", unverified_context(), nonce=nonce.hex())
        took_s = self.clock.monotonic_s() - asked_s
        if took_s > _FRESH_S:
            raise UnavailableError(
                f"{self.url}: the time took {took_s:.0f} s to come and is not believed; expected {_FRESH_S:.0f} at most"
            )
        try:
            moment = msgspec.json.decode(answer, type=SignedTime)
        except msgspec.DecodeError as error:
            raise TrustError(f"{self.url}: told no time ({error})") from None
        at = read_signed_time(moment, nonce, self.root(), self.withdrawn)
        if abs((at - self.clock.now()).total_seconds()) > _AGREES_S:
            behind = self.clock.correct(at)
            log.warning(
                "this machine's clock is %s; certificates are held against the aggregator's",
                clock_off(-behind.total_seconds()),
            )
        return at

    def told_time(self) -> KnownTime:
        """What time it is, for who must know it though this machine's clock may be set.

        Raises:
            TrustError: the answer is not signed as it has to be.
            UnavailableError: the aggregator does not answer.
        """
        asked_s = boot_s()
        at = self.ask_time()
        return KnownTime(to_ms(at.timestamp()), (asked_s + boot_s()) / 2)

    def ask_withdrawn(self) -> None:
        """Ask what was taken back, and keep it.

        Raises:
            TrustError: the answer is not signed as it has to be, by who signs the time over our nonce. Who stands
                between us and the aggregator can keep its lists from us, and what we know already counts on.
            UnavailableError: the aggregator does not answer.
        """
        nonce, root = secrets.token_bytes(NONCE_BYTES), self.root()
        answer = self._get("/api/v1/withdrawn", unverified_context(), nonce=nonce.hex())
        try:
            told = msgspec.json.decode(answer, type=ToldLists)
        except msgspec.DecodeError as error:
            raise TrustError(f"{self.url}: told no list of what is withdrawn ({error})") from None
        lists = read_withdrawn(told.lists, root)
        self.withdrawn.learn(lists)  # each proves itself, whoever has sent them
        moment = SignedTime(told.time_ms, told.signature, told.certificate)
        read_signed_time(moment, over_lists(nonce, told.lists), root, self.withdrawn)

    def context(self, *, shown: bool = True) -> DatedContext:
        """With which we connect to the centre.

        Args:
            shown: we show our certificate.

        Raises:
            TrustError: we have not been told whom to believe, or not enrolled.
        """
        credentials = self.identity_path if shown else None
        return client_context(self.root(), credentials, self.clock.now, self.withdrawn)

    def _get(self, path: str, context: ssl.SSLContext, **asked: str) -> bytes:
        return self._call("GET", f"{path}?{urlencode(asked)}" if asked else path, context)

    def post_request(
        self,
        path: str,
        request: x509.CertificateSigningRequest,
        context: ssl.SSLContext,
        claim: tuple[str, str] | None = None,
    ) -> bytes:
        """Send a certificate request as EST wants it.

        Args:
            path: of the door.
            request: for a key of ours.
            context: whom to believe, and what we show.
            claim: serial number of the machine, and the code that lets it in.

        Raises:
            TrustError: it was refused; with the aggregator's words.
            UnavailableError: the aggregator does not answer, or not now.
        """
        body = base64.encodebytes(request.public_bytes(Encoding.DER))
        headers = [("content-type", "application/pkcs10"), ("content-transfer-encoding", "base64")]
        if claim:
            told = base64.b64encode(":".join(claim).encode()).decode()
            headers.append(("authorization", f"Basic {told}"))
        return self._call("POST", path, context, headers, body)

    def _call(
        self,
        method: str,
        path: str,
        context: ssl.SSLContext,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        within_s: float = bounded_http.WITHIN_S,
        most_bytes: int = bounded_http.MOST_BYTES,
    ) -> bytes:
        try:
            answer = bounded_http.ask(
                method,
                f"{self.url}{path}",
                context=context,
                headers=headers,
                body=body,
                within_s=within_s,
                most_bytes=most_bytes,
            )
        except UnavailableError as error:
            raise UnavailableError(f"{self.url}: does not answer, or not as our aggregator ({error})") from None
        if answer.status >= 500:
            raise UnavailableError(f"{self.url}: {answer.status} {_detail(answer)}")
        if not 200 <= answer.status < 300:
            raise TrustError(f"{self.url}: {_detail(answer)}")
        return answer.body

    def ask_who_we_are(self) -> None:
        """Have the aggregator say that our certificate counts.

        Raises:
            TrustError: it does not; with the aggregator's words.
            UnavailableError: the aggregator does not answer.
        """
        self._get("/api/v1/self", self.context())

    def fetch_watchlist(self) -> bytes:
        """The watch list that this box shall have now, as `shared.plates.watchlist.decode_watchlist` reads it.

        Raises:
            TrustError: it was refused; with the aggregator's words.
            UnavailableError: the aggregator does not answer.
        """
        box = address_of(self.identity().certificate)
        path = f"/api/v1/watchlist?{urlencode({'site': box.site, 'agent': box.agent})}"
        return self._call("GET", path, self.context(), within_s=_LARGE_WITHIN_S, most_bytes=WATCHLIST_BYTES)

    def chain(self, context: ssl.SSLContext) -> list[x509.Certificate]:
        """All issuers that the aggregator knows."""
        return _read_certificates(self._get("/.well-known/est/cacerts", context))


def enrol(door: Door, address: Address, claim: str, serial: str) -> Credentials:
    """Become a box: make a key, have it certified for a claim, keep both. Tried again it goes on where it was.

    Raises:
        TrustError: refused, saying why.
        UnavailableError: the aggregator does not answer; nothing is lost.
    """
    root = door.root()
    door.ask_time()
    door.ask_withdrawn()
    pending = door.folder / "pending.pem"
    key = key_from_pem(pending.read_bytes()) if pending.is_file() else new_key()
    write_secret(pending, key_to_pem(key))
    context = door.context(shown=False)
    request = new_request(key, common_name(address))
    answer = door.post_request("/.well-known/est/simpleenroll", request, context, (serial, claim))
    credentials = _credentials(key, answer, door.chain(context), root)
    if address_of(credentials.certificate) != address:
        found = address_of(credentials.certificate)
        raise TrustError(
            f"the claim is for {found.site}/{found.agent}, and this box is {address.site}/{address.agent}; correct "
            "site and agent in its file and enrol again within the hour, or have another claim made and the box that "
            f"it was for revoked: hawkline device revoke {found.site}/{found.agent}"
        )
    credentials.write(door.identity_path)
    pending.unlink()
    return credentials


def renew(door: Door) -> Credentials:
    """Have the next certificate issued: for a new key while the old certificate counts, else for the old key.

    It does not count once it has expired, or its issuer was withdrawn.

    Raises:
        TrustError: refused, saying why.
        UnavailableError: the aggregator does not answer, try again.
    """
    old, root = door.identity(), door.root()
    counts = old.expires_at > door.clock.now() and not any(map(door.withdrawn, old.issuers))
    # Kept before it is asked about: when the answer is lost, the next question is about the same key.
    pending = door.folder / "pending.pem"
    key = key_from_pem(pending.read_bytes()) if pending.is_file() else new_key()
    if counts:
        write_secret(pending, key_to_pem(key))
    else:
        key = old.key
    context = door.context(shown=counts)
    request = new_request(key, common_name(address_of(old.certificate)))
    try:
        answer = door.post_request("/.well-known/est/simplereenroll", request, context)
    except TrustError as refused:
        if not counts:
            raise
        # It may be our issuer that the aggregator does not know any more: then the old key speaks for us.
        log.warning("%s; asking again by our key", refused)
        key, context = old.key, door.context(shown=False)
        request = new_request(key, common_name(address_of(old.certificate)))
        answer = door.post_request("/.well-known/est/simplereenroll", request, context)
    credentials = _credentials(key, answer, door.chain(context), root)
    credentials.write(door.identity_path)
    pending.unlink(missing_ok=True)
    return credentials


def _credentials(key: Key, answer: bytes, chain: list[x509.Certificate], root: x509.Certificate) -> Credentials:
    """Put a certificate together with the issuer that signed it, and that the root has signed."""
    certificate = _read_certificates(answer)[0]
    for issuer in chain:
        try:
            certificate.verify_directly_issued_by(issuer)
            issuer.verify_directly_issued_by(root)
        except Exception:  # noqa: BLE001, S112 - half a dozen kinds mean: it was another one
            continue
        return Credentials(key, certificate, (issuer,))
    raise TrustError("the aggregator has issued a certificate that none of its issuers has signed")


def _read_certificates(answer: bytes) -> list[x509.Certificate]:
    try:
        return pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer))
    except Exception as error:  # noqa: BLE001 - it may come from anybody, and the library raises a dozen kinds
        raise TrustError(
            f"the answer holds no certificates ({error}); is this the boxes' door of an aggregator?"
        ) from None


def _detail(answer: Answer) -> str:
    try:
        return str(msgspec.json.decode(answer.body)["detail"])[:_LONGEST_WORDS]
    except (msgspec.DecodeError, KeyError, TypeError):
        return answer.body.decode(errors="replace")[:_LONGEST_WORDS]


def days_left(credentials: Credentials, at: datetime | None = None) -> float:
    """Until a certificate expires; negative once it has."""
    return (credentials.expires_at - (at or datetime.now(UTC))).total_seconds() / 86400
