"""Rules: how a program's settings say that purchases earn points (points.md, rule 9). `earned` applies them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal

from ledger_service.ledger.policies import Expiry

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which values are meant. None of both: all."""

    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()

    @property
    def is_some(self) -> bool:
        """Whether it leaves any value out."""
        return bool(self.include or self.exclude)

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> "Choice":
        document = document or {}
        return cls(frozenset(document.get("include") or ()), frozenset(document.get("exclude") or ()))


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a rule or campaign: `skus` and `categories` choose lines, all others test the purchase."""

    min_amount: Decimal | None = None
    """In the purchase's currency; tested on the purchase's whole amount."""
    skus: Choice = Choice()
    categories: Choice = Choice()
    tiers: tuple[str, ...] = ()
    """Levels; none: any, also no level at all."""
    channels: tuple[str, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    between: tuple[time, time] | None = None
    """Local time, from the first up to but not including the second; across midnight when the second is earlier."""
    from_day: date | None = None
    """The first local day."""
    until_day: date | None = None
    """The first local day after."""
    first_purchase: bool | None = None

    @property
    def is_scoped(self) -> bool:
        """Whether lines are chosen."""
        return self.skus.is_some or self.categories.is_some

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> "When":
        document = document or {}
        between = document.get("between")
        return cls(
            min_amount=None if document.get("min_amount") is None else Decimal(document["min_amount"]),
            skus=Choice.of(document.get("skus")),
            categories=Choice.of(document.get("categories")),
            tiers=tuple(document.get("tiers") or ()),
            channels=tuple(document.get("channels") or ()),
            weekdays=tuple(document.get("weekdays") or ()),
            between=None if between is None else (time.fromisoformat(between[0]), time.fromisoformat(between[1])),
            from_day=None if document.get("from") is None else date.fromisoformat(document["from"]),
            until_day=None if document.get("until") is None else date.fromisoformat(document["until"]),
            first_purchase=document.get("first_purchase"),
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One way in which a purchase earns points."""

    id: str
    type: Literal["spend", "visit", "item", "fixed"]
    points: int
    """Per `per` of the basis, per visit, per unit, or once."""
    per: Decimal | None = None
    """`spend`: so much of the basis, in currency units."""
    currency: str | None = None
    """`spend`: the currency of `per`; none: the program's, and any when it has none."""
    whole_steps: bool = False
    tax: Literal["included", "excluded"] = "included"
    sku: str | None = None
    """`item`: this article, beside what `when` says."""
    category: str | None = None
    stackable: bool = True
    priority: int = 0
    when: When = When()
    expiry: Expiry | None = None
    """Overrides the program's and the tier's expiry."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Rule":
        fields = dict(document)
        fields["when"] = When.of(fields.get("when"))
        if fields.get("per") is not None:
            fields["per"] = Decimal(fields["per"])
        if fields.get("expiry") is not None:
            fields["expiry"] = Expiry.of(fields["expiry"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Campaign:
    """What multiplies, or adds to, what the rules gave."""

    id: str
    type: Literal["multiply", "add"]
    factor: Decimal | None = None
    """`multiply`: at least 1."""
    points: int | None = None
    """`add`: comes last, once."""
    stackable: bool = True
    when: When = When()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Campaign":
        fields = dict(document)
        fields["when"] = When.of(fields.get("when"))
        if fields.get("factor") is not None:
            fields["factor"] = Decimal(fields["factor"])
        return cls(**fields)
