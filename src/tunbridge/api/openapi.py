"""OpenAPI 3.1 of what is offered, from the declarations, and a page to read it."""

from collections.abc import Mapping

from tunbridge.api.controller import Controller
from tunbridge.api.offer import Offer


def document(_offer: Offer, _controllers: Mapping[str, Controller]) -> bytes:
    """Give the document."""
    return b"{}"


def page() -> bytes:
    """Give the page."""
    return b""
