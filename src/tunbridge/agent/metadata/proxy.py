"""The metadata service of a host: its endpoint, and who answers: Nova where there is one, else Tunbridge itself."""

from http import HTTPStatus

from tunbridge.agent.cloud import Cloud
from tunbridge.agent.config import AgentConfig
from tunbridge.agent.metadata import http, service
from tunbridge.agent.metadata.endpoint import Caller, Endpoint, SendFrame
from tunbridge.agent.metadata.http import Request, Response
from tunbridge.agent.metadata.instance import read_instance
from tunbridge.agent.metadata.nova import Nova
from tunbridge.database.errors import DatabaseError
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.local import Workload
from tunbridge.log import Log


class MetadataProxy:
    """Answers VMs. Raises ConfigurationError when it is made with a secret or certificates that cannot be read."""

    def __init__(self, config: AgentConfig, desired: Desired, cloud: Cloud, send: SendFrame, log: Log) -> None:
        self._config = config
        self._log = log
        self._desired = desired
        self._source = cloud.source
        self._cloud = cloud
        self._nova = None if config.metadata.nova_url is None else Nova(config.metadata, log)
        self.endpoint = Endpoint(self._serve, send, log)

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
