"""The whole application on a database of its own, as the tests of the API have it."""

from tests.api.conftest import shop

__all__ = ["shop"]
