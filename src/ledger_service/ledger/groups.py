"""Groups: which accounts of a batch stand or fall together."""

from collections.abc import Iterable


class Groups:
    """Sets of accounts that one command bound together (a union-find)."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def bind(self, first: str, second: str) -> None:
        """From now on these two accounts, and all bound to either, are written together or not at all."""
        one, other = self._root(first), self._root(second)
        if one != other:
            self._parents[other] = one

    def numbers(self, account_ids: list[str]) -> list[int]:
        """A group number for each account: equal for accounts that are bound."""
        if not self._parents:
            return list(range(len(account_ids)))
        numbers: dict[str, int] = {}
        return [numbers.setdefault(self._root(account_id), len(numbers)) for account_id in account_ids]

    def touch(self, account_ids: Iterable[str], others: Iterable[str]) -> bool:
        """Whether any of these accounts is, or is bound to, any of the others."""
        roots = {self._root(account_id) for account_id in account_ids}
        return not roots.isdisjoint(self._root(other) for other in others)

    def _root(self, account_id: str) -> str:
        while (parent := self._parents.get(account_id, account_id)) != account_id:
            account_id = parent
        return account_id
