"""How the naive books say no."""

from typing import Any


class No(Exception):
    """The code of the refusal, and the numbers that the caller is told."""

    def __init__(self, code: str, *numbers: Any) -> None:
        super().__init__(code, *numbers)
        self.code = code
        self.numbers = numbers
