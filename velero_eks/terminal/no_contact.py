"""The sentences for an answer that did not come: what happened, the usual cause, one next step. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from velero_eks.contact import NoContact
from velero_eks.terminal import words


@dataclass(frozen=True)
class _Words:
    """For one code: what happened, the usual cause, what to do next. Fields of the value may stand in it."""

    happened: str
    usually: str
    next: Callable[[NoContact], str]


def said(found: NoContact) -> str:
    """Three sentences at most."""
    code = _WORDS[found.code]
    fields = {
        "said": found.said,
        "proxy": found.proxy,
        "by": f" ({found.proxy_from})" if found.proxy_from else "",
        "host": urlsplit(found.address).hostname or found.address,
    }
    within = f" within {words.duration(round(found.seconds))}" if found.seconds >= 1 else ""
    through = f" through the proxy {found.proxy}" if found.proxy and "{proxy}" not in code.happened else ""
    happened, usually = code.happened.format_map(fields), code.usually.format_map(fields)
    if found.private:
        usually = "The endpoint is private: it answers inside its VPC only"
    if found.variables:
        usually += f" ({' and '.join(found.variables)} {'is' if len(found.variables) == 1 else 'are'} set)"
    return f"{found.who}: no answer from {found.address}{through}{within}: {happened}. {usually}. {code.next(found)}"


def _connect(found: NoContact) -> str:
    if found.private:
        return "Connect to that VPC by VPN, or run this on a machine in it"
    return _unset(found) or f"Connect the VPN, then check the connection: curl -vk {found.address}"


def _check(found: NoContact) -> str:
    return _unset(found) or f"Check the connection: curl -vk {found.address}"


def _renew(found: NoContact) -> str:
    return f"Get the address again: {found.renew}" if found.renew else _check(found)


def _unset(found: NoContact) -> str:
    told = [name for name in found.variables if name.startswith("AWS_ENDPOINT_URL")]
    return f"Unset {' and '.join(told)}, unless this address is right" if told else ""


def _around(found: NoContact) -> str:
    host = urlsplit(found.address).hostname or found.address
    return f"If {host} is reached without a proxy, add it to NO_PROXY"


def _log_in(found: NoContact) -> str:
    return _unset(found) or f"Open {found.said if found.code == 'redirect' else found.address} in a browser and log in"


_WAY = "Usually the VPN is off, or a firewall drops the packets"
_BETWEEN = "Usually a proxy, a VPN or a tunnel in between is the cause"
_WORDS = {
    "no-connection": _Words("it does not accept the connection", _WAY, _connect),
    "no-answer": _Words("it accepted the connection but sent no complete answer", _BETWEEN, _check),
    "refused": _Words("it refused the connection", "Usually the address is out of date, or a tunnel ended", _renew),
    "unknown-name": _Words(
        "its name is unknown here", "Usually the VPN is off, or the name no longer exists", _connect
    ),
    "resolver-silent": _Words(
        "the DNS lookup of its name got no answer", "Usually the VPN is off, or its DNS is down", _connect
    ),
    "certificate": _Words(
        "its certificate is not trusted ({said})", "Usually a proxy inspects TLS, or this is another cluster", _renew
    ),
    "no-tls": _Words("it does not speak TLS at this port ({said})", "Usually the port or a proxy is wrong", _renew),
    "closed": _Words("it closed the connection without an answer", _BETWEEN, _check),
    "no-http": _Words("it does not speak HTTP ({said})", "Usually the port is wrong", _renew),
    "no-route": _Words("{said}", _WAY, _connect),
    "proxy": _Words("the proxy {proxy}{by} {said}", "Usually its address is wrong, or it is off", _around),
    "proxy-refused": _Words("the proxy {proxy}{by} {said}", "Usually it may not reach this address", _around),
    "web-page": _Words(
        "it answers with a web page ({said})", "Usually it is the login page of a network or a proxy", _log_in
    ),
    "redirect": _Words("it redirects to {said}", "Usually a proxy wants a login first", _log_in),
}
