"""Findings: what is wrong in the books, and exactly where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be."""

    program_id: int
    account_id: str | None
    """None: the whole program."""
    seq: int | None
    """The entry; None: the account."""
    check: str
    """The name of the check that failed (`ledger-service verify --help` lists them)."""
    expected: str
    found: str


CHECKS = {
    "seq": "An account's entries are numbered 1 to n, without gaps.",
    "readable": "An entry's movements, instants and detail can be read.",
    "kind": "An entry's kind is known, its sign fits, only reversals reverse, only transfers and merges are paired.",
    "balance_after": "The balance after an entry is the one before it plus the entry's points.",
    "available_after": "The points available after an entry are what its lots then give, less the debt.",
    "held_after": "The points held after an entry are those before it and what it sets aside, less what it gives free.",
    "hash": "An entry's hash covers its fields and the hash before it.",
    "parts": "The parts of an earn, each with dates of its own, are as many points as the earn.",
    "lot_below_zero": "No entry takes more from a lot than it has.",
    "lot_dates": "Only usable points are redeemed, held or transferred, only those past their date expire, wholly, and "
    "points are moved to a later date only.",
    "debt": "Debt comes from taking back, adjusting and merging only, and never stands beside usable points.",
    "hold": "A hold is placed once and closed once, all of it captured or given back, and stored as its entries say.",
    "merged": "An account that was merged has nothing left, and nothing happens to it until that is undone.",
    "rule_version": "The settings that decided an entry are kept.",
    "account": "Whatever belongs to an account (entries, lots, open holds, days) belongs to one that is in the books.",
    "account_row": "An account's row says what its entries come to.",
    "standing": "An account's spend, visits, tier and points redeemed today are what its entries made of them.",
    "lot": "The lots are what the entries made of them.",
    "qualifying_day": "What each day counts towards the tier is what the entries made of it.",
    "posted_outcome": "A key posted the entries that have it, and every entry with a key was posted by it.",
    "repeated_outcome": "What a key repeats is in the books.",
    "outcome_account": "What a key answered is about an account and a program that are in the books.",
    "reversal": "Never more is taken back than was earned, or given back than was redeemed, and points are freed once.",
    "transfer": "A transfer or merge is two entries: what one account loses, points and counters, the other one gets.",
    "order": "A source earns and redeems an order once.",
    "settings": "The settings that decide now are kept.",
    "trial_balance": "The accounts and the program's counter accounts come to nothing together.",
}
"""What is checked, by name."""
