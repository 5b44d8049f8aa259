"""Flavors of routers and their service profiles, with one provider behind all of them. Texts are Neutron's."""

from typing import Any

from tunbridge.model.resources.flavor import PROVIDER
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NotFound, Unavailable
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

_PROFILES = "service_profiles"


class FlavorRules(Rules):
    """The rules of flavors."""

    name = "Flavor"

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a flavor. Raises NetworkingError."""
        self._check_profiles(txn, values)
        return self.insert(txn, request, values)

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a flavor. Raises NetworkingError."""
        self._check_profiles(txn, values)
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a flavor that no router has. Raises Conflict."""
        txn.verify_rows("Router", "flavor_id", row.id)
        if txn.count("Router", "flavor_id", row.id):
            raise Conflict("FlavorInUse", f"Flavor {row.id} is used by some service instance.")
        self.remove(txn, request, row)

    def add_profile(self, txn: Txn, row: Row, profile: str) -> None:
        """Give a flavor a service profile. Raises NetworkingError."""
        if profile in row.service_profiles:
            message = f"Service Profile {profile} is already associated with flavor {row.id}."
            raise Conflict("FlavorServiceProfileBindingExists", message)
        self._check_profiles(txn, {_PROFILES: [profile]})
        self._write(txn, row, (*row.service_profiles, profile))

    def remove_profile(self, txn: Txn, row: Row, profile: str) -> None:
        """Take a service profile from a flavor. Raises NotFound."""
        if profile not in row.service_profiles:
            raise _not_associated(profile, row)
        self._write(txn, row, tuple(id for id in row.service_profiles if id != profile))

    @staticmethod
    def _write(txn: Txn, row: Row, profiles: tuple[str, ...]) -> None:
        txn.verify("Flavor", row.id, _PROFILES)
        txn.update("Flavor", row.id, {_PROFILES: profiles})

    def _check_profiles(self, txn: Txn, values: Values) -> None:
        for id in values.get(_PROFILES) or ():
            self.others["service_profile"].get(txn, id)


class ServiceProfileRules(Rules):
    """The rules of service profiles."""

    def absent(self, id: str) -> Exception:
        """Give Neutron's ServiceProfileNotFound."""
        return NotFound("ServiceProfileNotFound", f"Service Profile {id} could not be found.")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a profile. Raises NetworkingError."""
        if not values["driver"] and not values["metainfo"]:
            raise BadRequest("ServiceProfileEmpty", "Service Profile needs either a driver or metainfo.")
        _check_driver(values)
        return self.insert(txn, request, values)

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a profile that no flavor has. Raises NetworkingError."""
        _check_driver(values)
        self._check_unused(txn, row)
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a profile that no flavor has. Raises Conflict."""
        self._check_unused(txn, row)
        self.remove(txn, request, row)

    @staticmethod
    def _check_unused(txn: Txn, row: Row) -> None:
        txn.verify_rows("Flavor", _PROFILES, row.id)
        if txn.count("Flavor", _PROFILES, row.id):
            raise Conflict("ServiceProfileInUse", f"Service Profile {row.id} is used by some service instance.")


def provider(reader: Reader, flavor: Row) -> dict[str, Any]:
    """Who carries out a flavor, by the first of its profiles. Raises NetworkingError."""
    if not flavor.service_profiles:
        raise _not_associated("", flavor)
    profile: Row = reader.get("Service_Profile", sorted(flavor.service_profiles)[0])
    if profile.enabled is False:
        raise Unavailable("ServiceProfileDisabled", "Service Profile is not enabled.")
    _check_driver({"driver": profile.driver or "(none)"})
    return {"driver": profile.driver, "provider": PROVIDER, "metainfo": profile.metainfo}


def check(book_of_flavors: Rules, txn: Txn, id: str) -> None:
    """Refuse a flavor that no router can have. Raises NetworkingError."""
    flavor = book_of_flavors.get(txn, id)
    if flavor.enabled is False:
        raise Unavailable("FlavorDisabled", "Flavor is not enabled.")
    provider(txn, flavor)
    txn.verify("Flavor", flavor.id, "enabled", _PROFILES)


def _check_driver(values: Values) -> None:
    driver = values.get("driver")
    if driver and driver != PROVIDER:
        raise NotFound("ServiceProfileDriverNotFound", f"Service Profile driver {driver} could not be found.")


def _not_associated(profile: str, flavor: Row) -> NotFound:
    message = f"Service Profile {profile} is not associated with flavor {flavor.id}."
    return NotFound("FlavorServiceProfileBindingNotFound", message)
