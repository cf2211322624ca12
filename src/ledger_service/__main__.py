"""The command line's door: `ledger-service` and `python -m ledger_service`."""


def main() -> None:
    """Run the command that was typed. Ends the program: 0 done, 1 not done, 2 not understood."""
    from ledger_service.cli.commands import run

    run()


if __name__ == "__main__":
    main()
