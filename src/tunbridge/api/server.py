"""The server's process: database, authenticator and HTTP, started and ended together."""

import asyncio
import functools
import gc
import resource
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from tunbridge import unix_sockets
from tunbridge.api import config as configuration
from tunbridge.api import metrics, openapi, protocol
from tunbridge.api.addresses import Proxies
from tunbridge.api.app import Application
from tunbridge.api.auth import factory
from tunbridge.api.auth.base import Authenticator
from tunbridge.api.auth.clouds import write_clouds_yaml
from tunbridge.api.bindings import BindingApi
from tunbridge.api.chores import Chores
from tunbridge.api.config import ServerConfig
from tunbridge.api.controller import Controller
from tunbridge.api.designate.client import Designate
from tunbridge.api.designate.publisher import Publisher
from tunbridge.api.events import Events
from tunbridge.api.flavors import FlavorApi, ProvidersApi
from tunbridge.api.gateway_chore import GatewayChore
from tunbridge.api.l3_agents import L3AgentApi
from tunbridge.api.milestone_chore import MilestoneChore
from tunbridge.api.networking import Beside, NetworkingApi, Special
from tunbridge.api.nova.aggregates import Aggregates
from tunbridge.api.nova.client import Nova
from tunbridge.api.nova.notifier import Notifier as NovaNotifier
from tunbridge.api.offer import Offer, offer
from tunbridge.api.placement.allocations import Allocations
from tunbridge.api.placement.client import Placement
from tunbridge.api.placement.reporter import Reporter
from tunbridge.api.placement.segment_reporter import SegmentReporter, Services
from tunbridge.api.placement.settler import Settler
from tunbridge.api.quotas import QuotaApi
from tunbridge.api.ready_made import PoolsApi, TopologyApi
from tunbridge.api.routes import pages
from tunbridge.api.rule_types import RuleTypes
from tunbridge.api.views import Views
from tunbridge.api.worker import Worker
from tunbridge.database.connection import Database
from tunbridge.errors import TunbridgeError
from tunbridge.model import catalog, features
from tunbridge.notify import Notifier
from tunbridge.rules import security_groups
from tunbridge.rules.caller import Caller
from tunbridge.rules.publication import Publishing
from tunbridge.rules.request import own_request
from tunbridge.rules.rulebook import rulebook
from tunbridge.rules.settings import NetworkingSettings

GRACE_S = 5.0
"""Requests under way at the end have this long."""
_RETRY_S = 1.0
MAX_FILES = 65536
"""Open files that the server asks for, as far as its hard limit lets it."""
BACKLOG = 2048
"""Connections that wait to be accepted, for each address."""
FILES_KEPT = 200
"""Of these are not for connections of clients."""
_CONTROLLERS = {"rule_type": RuleTypes}
"""Those of resources that are answered for in their own way."""
SYSTEM = Caller("tunbridge", "tunbridge", None, None, frozenset({"admin", "manager", "member", "reader"}))
"""Who does what no user asked for."""


class ServerError(TunbridgeError):
    """The server cannot start or go on."""


def application(
    config: ServerConfig,
    database: Database,
    authenticator: Authenticator,
    log: Any,
    allocations: Allocations | None = None,
) -> tuple[Application, Offer]:
    """Put the application together."""
    offered = offer(catalog.RESOURCES, catalog.EXTENSIONS, features.AVAILABLE, config.networking.preview)
    rules = rulebook(catalog.RESOURCES, config.networking)
    shown = {name: rule for name, rule in rules.items() if name in offered.resources}
    for name, rule in shown.items():
        rule.offer(offered.resources[name])
    views = Views(database.store, rules)
    most = config.networking.pagination_max_limit
    controllers = {
        name: _CONTROLLERS.get(name, Controller)(offered.resources[name], rule, database, views, most)
        for name, rule in shown.items()
    }
    if allocations is not None:
        controllers["port"].around = controllers["network"].around = allocations.during
    specials: dict[str, Special] = {
        "quotas": QuotaApi(offered.resources["quota"], database, frozenset(offered.resources)).answer
    }
    if "auto_allocated_topology" in offered.resources:
        topologies = TopologyApi(offered.resources["auto_allocated_topology"], rules, database)
        specials["auto-allocated-topology"] = topologies.answer
    if "floatingip_pool" in offered.resources:
        pools = PoolsApi(offered.resources["floatingip_pool"], controllers["network"], database)
        specials["floatingip_pools"] = specials["floatingip-pools"] = pools.answer
    beside: dict[tuple[str, str], Beside] = {}
    if "binding" in offered.resources:
        beside["port", "bindings"] = BindingApi(offered.resources["binding"], controllers["port"], database).answer
    if "router" in offered.resources:
        scheduler = L3AgentApi(controllers["agent"], controllers["router"], database)
        beside["router", "l3-agents"], beside["agent", "l3-routers"] = scheduler.of_router, scheduler.of_agent
    if "flavor" in offered.resources:
        kinds = FlavorApi(controllers["flavor"], database)
        beside["flavor", "service_profiles"] = kinds.profiles
        beside["flavor", "next_providers"] = kinds.next_providers
        providers = ProvidersApi(offered.resources["service_provider"])
        specials["service-providers"] = specials["service_providers"] = providers.answer
    api = NetworkingApi(offered, controllers, specials, beside, config.networking)
    document = openapi.document(offered, controllers)
    others = pages(
        lambda: None if database.ready else database.problem or "the database",
        authenticator.routes(),
        lambda: document,
        lambda: openapi.page(document),
    )
    access = log if config.access_log else None
    events = Events(database.store, offered.resources, rules, views, lambda: database.ready)
    return Application(api, events, authenticator, others, access, log, Proxies(config.trusted_proxies)), offered


async def seed(database: Database, settings: NetworkingSettings) -> None:
    """Put into a new database what has to be there."""
    request = own_request(SYSTEM, settings)
    await database.commit(lambda txn: security_groups.seed(txn, request))


def sockets(addresses: Sequence[str]) -> list[socket.socket]:
    """Listen. Raises ServerError."""
    found = []
    for address in addresses:
        where = configuration.split(address)
        try:
            found.append(unix_sockets.listen(Path(where), BACKLOG) if isinstance(where, str) else _tcp(*where))
        except OSError as e:
            raise ServerError(f"listen: {address}: {e.strerror or e}; see `ss -tlnp` for who has it") from e
    return found


def _tcp(host: str, port: int) -> socket.socket:
    family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    made = socket.socket(family, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind(place)
    made.listen(BACKLOG)
    return made


def url(config: ServerConfig, listening: Sequence[socket.socket]) -> str:
    """Give the URL of the first address: its port may have been chosen by the system."""
    first = listening[0]
    if first.family == socket.AF_UNIX:
        return "http://localhost"
    host, port = first.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - said to clients on this machine
    scheme = "http" if config.tls is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


async def run(config: ServerConfig, log: Any) -> None:
    """Serve until SIGTERM or SIGINT. Raises TunbridgeError when it cannot start."""
    listening = sockets(config.listen)
    here = url(config, listening)
    authenticator = factory.make(config.auth, here, log)
    await authenticator.start()
    database = Database(catalog.tables(), convert=True)
    metrics.REGISTRY.register(metrics.DatabaseFigures(database.stats))
    ports = rulebook(catalog.RESOURCES, config.networking)["port"]
    chores = Chores(database, ports, config.networking, SYSTEM, log)
    gateways = GatewayChore(database, config.networking, SYSTEM, log)
    milestones = MilestoneChore(database, log)
    embedded = None if config.database else await _own_database(config, log)
    allocations = None if config.placement is None else Allocations(Placement(config.placement), database, log)
    services = _services(config, database, allocations, log)
    try:
        if embedded is not None:
            embedded.writes_refused = database.refuse_writes
        remotes = [embedded.remote] if embedded is not None else config.database
        await database.start(remotes, _tls(config))
        # Meanwhile the database makes the snapshot, which takes seconds of its own when there are many rows.
        app, _ = await asyncio.to_thread(application, config, database, authenticator, log, allocations)
        clouds = write_clouds_yaml(config.auth, here)
        log.info("serving", url=here, clouds_yaml=str(clouds), auth=config.auth.mode)
        work = [_keep_seeding(config, database, log), chores.run(), gateways.run(), milestones.run()]
        for service in services:
            work += [service.told_by.run(), service.told_by.lock.run(remotes, _tls(config))]
        tasks = [_spawn(each, log) for each in work]
        try:
            await _serve(config, app, listening)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await database.close()
        await authenticator.close()
        for service in services:
            await service.close()
        if embedded is not None:
            await embedded.close()
        for one in listening:
            one.close()


class _Service(NamedTuple):
    """Another service of the cloud that is told things, and what tells it."""

    told_by: NovaNotifier | Worker[Any]
    close: Callable[[], Awaitable[None]]


def _services(config: ServerConfig, database: Database, allocations: Allocations | None, log: Any) -> list[_Service]:
    """Make what tells the services of the configuration; before the database is started. Raises AuthConfigError."""
    found = []
    if config.nova is not None:
        nova = Nova(config.nova)
        found.append(_Service(NovaNotifier(database, nova.send, log), nova.close))
    if config.placement is not None:
        placement = Placement(config.placement)
        found.append(_Service(Reporter(database, placement.tell, log).worker, placement.close))
    if allocations is not None:
        found.append(_Service(Settler(database, allocations.take_back, log).worker, allocations.close))
    if config.nova is not None and config.placement is not None:
        services = Services(Placement(config.placement), Aggregates(config.nova))
        found.append(_Service(SegmentReporter(database, services, log).worker, services.close))
    if config.designate is not None:
        designate, publishing = Designate(config.designate), Publishing(config.networking)
        publisher = Publisher(database, designate, publishing, config.designate, log)
        found.append(_Service(publisher.worker, designate.close))
    return found


def _spawn(coroutine: Coroutine[Any, Any, None], log: Any) -> asyncio.Task[None]:
    """Run a task for as long as the server runs; one that fails by a mistake of ours ends it, to be started again."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task of the server failed; the server ends and is started again", exc_info=error)
            signal.raise_signal(signal.SIGTERM)

    task = asyncio.create_task(coroutine)
    task.add_done_callback(ended)
    return task


async def _own_database(config: ServerConfig, log: Any) -> Any:
    from tunbridge.database.server import Embedded

    embedded = Embedded(
        Path(config.state_dir), Path(config.run_dir), catalog.tables(), log, config.database_listen, _tls(config)
    )
    await embedded.start()
    return embedded


def _tls(config: ServerConfig) -> Any:
    if config.database_tls is None:
        return None
    from tunbridge.openvswitch.tls import Files

    files = config.database_tls
    return Files(Path(files.private_key), Path(files.certificate), Path(files.ca_certificate))


async def _keep_seeding(config: ServerConfig, database: Database, log: Any) -> None:
    """Seed as soon as there is a database: it may come up later than the server."""
    while True:
        try:
            await database.wait_ready(60)
            await seed(database, config.networking)
        except TunbridgeError as e:
            log.warning("waiting for the database", reason=str(e))
            await asyncio.sleep(_RETRY_S)
        else:
            _settle()
            Notifier().send("READY=1")
            log.info("ready", rows={name: len(database.store.all(name)) for name in ("Network", "Subnet", "Port")})
            for table in catalog.tables():
                metrics.ROWS.labels(table.name).set_function(functools.partial(_rows, database, table.name))
            return


def _settle() -> None:
    """Take what is there now, and stays, out of the collector's sight: looking through it takes tenths of a second."""
    gc.collect()
    gc.freeze()


def _rows(database: Database, table: str) -> int:
    return len(database.store.all(table))


def raise_open_files() -> int:
    """Raise the limit on open files, and give what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return wanted if soft == resource.RLIM_INFINITY else soft


async def _serve(config: ServerConfig, app: Application, listening: list[socket.socket]) -> None:
    tls = config.tls
    settings = uvicorn.Config(
        app,
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=protocol.KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(GRACE_S),
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.private_key,
        ssl_ca_certs=None if tls is None else tls.client_ca,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls is not None and tls.client_ca else ssl.CERT_NONE,
    )
    connections = protocol.Connections(raise_open_files() - FILES_KEPT)
    server = protocol.Server(settings, connections, Proxies(config.trusted_proxies).trusts)
    loop = asyncio.get_running_loop()

    def end() -> None:
        app.events.close()
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # ours do it
    await server.serve(sockets=listening)
