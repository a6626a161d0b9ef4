"""Names in certificates. A box is `SITE.AGENT`; services of the centre begin with an underscore, which no site does.

The common name is what the broker takes as user name and client id (docs/adr/0015); the URN says the same to readers
that know alternative names only. Both have to agree.
"""

from cryptography import x509
from cryptography.x509.oid import NameOID

from shared.errors import ConfigError, HawklineError
from shared.ids import check_name
from shared.topics import Address

SERVICE_PREFIX = "_"
_URN = "urn:hawkline:"
_LONGEST = 64
"""Bytes of a common name (X.520)."""


class TrustError(HawklineError):
    """A peer is not who they have to be, or cannot prove it."""


def common_name(address: Address) -> str:
    """Of a box: its client id, too.

    Raises:
        ConfigError: site and agent together are too long for a certificate.
    """
    name = f"{check_name(address.site, 'site')}.{check_name(address.agent, 'agent')}"
    if len(name) > _LONGEST:
        raise ConfigError(
            f"{address.site}/{address.agent}: site and agent together have at most {_LONGEST - 1} characters"
        )
    return name


def urn(name: str) -> str:
    """The same name for the alternative names of a certificate."""
    return _URN + name


def name_of(certificate: x509.Certificate) -> str:
    """The one name of a certificate.

    Raises:
        TrustError: it has none, several, or two that differ.
    """
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        urns = [uri for uri in alternatives.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith(_URN)]
    except x509.ExtensionNotFound:
        urns = []
    if len(names) != 1 or urns != [urn(str(names[0].value))]:
        raise TrustError("the certificate does not name one box or service of ours")
    return str(names[0].value)


def is_service(certificate: x509.Certificate, name: str) -> bool:
    """Whether it is the certificate of the service with this name."""
    return name_of(certificate) == SERVICE_PREFIX + name


def address_of(certificate: x509.Certificate) -> Address:
    """The box that a certificate is for.

    Raises:
        TrustError: it is for no box.
    """
    name = name_of(certificate)
    site, dot, agent = name.partition(".")
    try:
        if dot and not name.startswith(SERVICE_PREFIX):
            return Address(check_name(site, "site"), check_name(agent, "agent"))
    except ConfigError:
        pass
    raise TrustError(f"the certificate is for {name!r}, which is no box")
