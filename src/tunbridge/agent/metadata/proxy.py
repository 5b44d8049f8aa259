"""The metadata service of a host: its endpoint, and who answers: Nova where there is one, else Tunbridge itself."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from tunbridge.agent.cloud import Cloud
from tunbridge.agent.config import AgentConfig
from tunbridge.agent.endpoint import Caller, Endpoint, RefusedError, Reply, SendFrame
from tunbridge.agent.metadata import http, service
from tunbridge.agent.metadata.http import HttpError, Request, Response
from tunbridge.agent.metadata.instance import read_instance
from tunbridge.agent.metadata.nova import Nova
from tunbridge.database.errors import DatabaseError
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.local import Workload
from tunbridge.log import Log

Serve = Callable[[Caller, Request], Awaitable[Response]]


class HttpService:
    """HTTP over the connections of VMs."""

    port = 80

    def __init__(self, serve: Serve) -> None:
        self._serve = serve

    def take(self, received: bytearray) -> Request | None:
        try:
            return http.take_request(received)
        except HttpError as e:
            raise RefusedError(http.error(e.status).encode(keeps=False)) from None

    async def answer(self, caller: Caller, request: Request) -> Reply:
        return _reply(await self._serve(caller, request), request)

    def fail(self, request: Request) -> Reply:
        return _reply(http.error(HTTPStatus.INTERNAL_SERVER_ERROR), request)


def _reply(response: Response, request: Request) -> Reply:
    return Reply(response.encode(request.keeps, request.method != "HEAD"), request.keeps)


class MetadataProxy:
    """Answers VMs. Raises ConfigurationError when it is made with a secret or certificates that cannot be read."""

    def __init__(self, config: AgentConfig, desired: Desired, cloud: Cloud, send: SendFrame, log: Log) -> None:
        self._config = config
        self._log = log
        self._desired = desired
        self._source = cloud.source
        self._cloud = cloud
        self._nova = None if config.metadata.nova_url is None else Nova(config.metadata, log)
        self.endpoint = Endpoint(HttpService(self._serve), send, log)

    def take(self, packet: bytes, workload: Workload) -> bool:
        """Take a packet of a VM; False when it is of no use. Raises MalformedError."""
        port = self._source.port(workload.port_id)
        network = None if port is None else self._source.network(port.network_id)
        return network is not None and self.endpoint.take(packet, workload, network.mtu)

    async def close(self) -> None:
        self.endpoint.close()
        if self._nova is not None:
            await self._nova.close()

    async def _serve(self, caller: Caller, request: Request) -> Response:
        if self._nova is not None:
            port = self._source.port(caller.port_id)
            return http.error(HTTPStatus.NOT_FOUND) if port is None else await self._nova.answer(caller, port, request)
        try:
            boot = await self._cloud.boot_config(caller.port_id)
        except DatabaseError as e:
            self._log.warning("a VM waits for its metadata: no boot configuration", port=caller.port_id, error=str(e))
            return http.error(HTTPStatus.SERVICE_UNAVAILABLE)
        local = self._desired.local
        plugged = () if local is None else local.workloads
        config = self._config
        instance = read_instance(
            self._source, caller.port_id, boot, plugged, config.dns_domain, config.availability_zone
        )  # fmt: skip
        return http.error(HTTPStatus.NOT_FOUND) if instance is None else service.answer(instance, request)
