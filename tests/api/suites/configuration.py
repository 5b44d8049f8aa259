"""What the suites read: tempest.conf, and a clouds.yaml with the names that DevStack gives its clouds."""

from pathlib import Path

from tests.api.suites.cloud import PEOPLE, PHYSICAL, Target

TEMPEST = """\
[DEFAULT]
log_file = {folder}/tempest.log
[oslo_concurrency]
lock_path = {folder}/locks
[auth]
use_dynamic_credentials = true
tempest_roles = member
admin_username = admin
admin_project_name = admin
admin_password = {password}
admin_domain_name = Default
[identity]
auth_version = v3
uri_v3 = {keystone}/v3
region = RegionOne
[identity-feature-enabled]
api_v2 = false
[enforce_scope]
neutron = true
[service_available]
neutron = true
nova = false
glance = false
cinder = false
swift = false
[validation]
run_validation = false
[network]
public_network_id = {public}
floating_network_name = public
project_network_cidr = 10.100.0.0/16
[network-feature-enabled]
ipv6 = true
ipv6_subnet_attributes = true
floating_ips = true
port_security = true
api_extensions = {extensions}
[neutron_plugin_options]
available_type_drivers = flat,vlan,local,vxlan,geneve
provider_vlans = {physical}
q_agent = ovs
firewall_driver = openvswitch
create_shared_resources = true
"""
CLOUD = """\
  {cloud}:
    region_name: RegionOne
    auth:
      auth_url: {keystone}/v3
      username: {user}
      password: {password}
      user_domain_id: default
      {scope}
"""
PROJECT = "project_domain_id: default\n      project_name: {project}"


def write(folder: Path, target: Target) -> None:
    """Write both into a folder."""
    values = {"folder": folder, "keystone": target.keystone_url, "password": target.password, "physical": PHYSICAL}
    more = {"public": target.public_network_id, "extensions": ",".join(target.extensions)}
    (folder / "tempest.conf").write_text(TEMPEST.format(**values, **more))
    clouds = [
        _cloud(target, "devstack-admin", "admin", target.password),
        _cloud(target, "devstack-system-admin", "admin", target.password, scope="system_scope: all"),
    ]
    clouds += [
        _cloud(target, cloud, name, name * 2) for cloud, name in zip(("devstack", "devstack-alt"), PEOPLE, strict=True)
    ]
    (folder / "clouds.yaml").write_text("clouds:\n" + "".join(clouds))


def _cloud(target: Target, cloud: str, user: str, password: str, scope: str = "") -> str:
    scope = scope or PROJECT.format(project=user)
    return CLOUD.format(cloud=cloud, keystone=target.keystone_url, user=user, password=password, scope=scope)
