"""Where the agent's server is, and how it is reached."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

_LINK_PATH = "/api/v1/link"
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


@dataclass(frozen=True)
class Settings:
    """Times in seconds. `proxy`: True takes HTTPS_PROXY and HTTP_PROXY, None goes without."""

    url: str
    token: str = field(repr=False)
    name: str
    ca_file: str = ""
    proxy: str | Literal[True] | None = True
    dial_time: float = 10.0
    retry_first: float = 0.2
    retry_most: float = 10.0
    ping_every: float = 5.0
    stop_grace: float = 5.0

    @property
    def link_url(self) -> str:
        url = urlsplit(self.url)
        path = url.path if url.path not in ("", "/") else _LINK_PATH
        return f"{_SCHEMES[url.scheme]}://{url.netloc}{path}"

    def tls(self) -> ssl.SSLContext | None:
        if not self.link_url.startswith("wss:"):
            return None
        return ssl.create_default_context(cafile=self.ca_file or None)


def check_url(text: str, *, insecure: bool) -> None:
    """Raises ValueError for an address that cannot be dialled, or shows the token to others."""
    url = urlsplit(text)
    if url.scheme not in _SCHEMES or not url.hostname:
        raise ValueError("--connect: an address as wss://host:8601 is needed")
    if url.username is not None:
        raise ValueError("--connect: the address must not hold a name or password")
    if _SCHEMES[url.scheme] == "ws" and not insecure and not _is_loopback(url.hostname):
        raise ValueError(
            "--connect: the token would cross the network in the clear; use wss, or --insecure"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
