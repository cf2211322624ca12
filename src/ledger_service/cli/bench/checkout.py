"""Where the yardstick is: beside the code, in a checkout; an installed package does not have it."""

from pathlib import Path

from ledger_service.cli.console import Misused

CHECKOUT = Path(__file__).parents[4]


def loadtests_folder(checkout: Path = CHECKOUT) -> Path:
    """The folder `loadtests` of the checkout that we run from. Raises Misused when there is none."""
    usual_way = checkout / "loadtests" / "usual_way"
    if not (usual_way / "application.py").is_file():
        raise Misused(
            f"The service is measured beside the usual way, which is not there: {usual_way}. "
            "Run bench from a checkout of the repository."
        )
    return usual_way.parent
