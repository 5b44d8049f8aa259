"""Refusals, in Neutron's words: an HTTP status, the name of Neutron's exception, a message for the user."""

from tunbridge.errors import TunbridgeError


class NetworkingError(TunbridgeError):
    """A request is refused. The API makes `{"NeutronError": {"type", "message", "detail"}}` of it."""

    status = 500

    def __init__(self, type: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.type = type
        self.message = message
        self.detail = detail


class BadRequest(NetworkingError):  # noqa: N818 - HTTP's and Neutron's name of it; so below
    """The request can never be carried out as it is."""

    status = 400


class Forbidden(NetworkingError):  # noqa: N818
    """The caller may see the thing, and not do this with it."""

    status = 403


class NotFound(NetworkingError):  # noqa: N818
    """There is no such thing, or the caller may not know of it."""

    status = 404


class Conflict(NetworkingError):  # noqa: N818
    """The request does not fit to what is there."""

    status = 409


class PreconditionFailed(NetworkingError):  # noqa: N818
    """The revision is not the one that the request was made for."""

    status = 412


class NotImplementedHere(NetworkingError):  # noqa: N818
    """Neither Neutron nor this server can do that, though the request makes sense."""

    status = 501


class Unavailable(NetworkingError):  # noqa: N818
    """Nothing is wrong with the request; it can be tried again."""

    status = 503


def invalid(message: str) -> BadRequest:
    """Give Neutron's InvalidInput."""
    return BadRequest("InvalidInput", f"Invalid input for operation: {message}.")


def http_bad_request(message: str) -> BadRequest:
    """Give what Neutron raises as plain HTTP 400."""
    return BadRequest("HTTPBadRequest", message)


def no_such_resource() -> NotFound:
    """Give the answer for what a caller may not know of."""
    return NotFound("HTTPNotFound", "The resource could not be found.")


def not_found(what: str, id: str) -> NotFound:
    """Give Neutron's XNotFound: `what` is the name for people (`Security group`)."""
    name = "".join(word.capitalize() for word in what.split())
    return NotFound(f"{name}NotFound", f"{what} {id} could not be found.")
