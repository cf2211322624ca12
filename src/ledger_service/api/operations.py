"""Operations: what is for whoever runs the service, without a key; on a port of its own in production."""

from starlette.routing import BaseRoute

from ledger_service.api.health import health_routes
from ledger_service.api.pages import docs_routes
from ledger_service.api.wiring import Services


def operations_routes(services: Services) -> list[BaseRoute]:
    """Probes, metrics, the API document and its page."""
    return [*health_routes(services), *docs_routes()]
