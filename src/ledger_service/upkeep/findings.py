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
    "readable": "An entry's movements and instants can be read.",
    "kind": "An entry is of a known kind, its sign fits, and only reversals reverse.",
    "balance_after": "The balance after an entry is the one before it plus the entry's points.",
    "available_after": "The points available after an entry are what its lots then give, less the debt.",
    "held_after": "No kind of entry holds points yet.",
    "hash": "An entry's hash covers its fields and the hash before it.",
    "lot_below_zero": "No entry takes more from a lot than it has.",
    "lot_dates": "Only usable lots are redeemed, and only lots past their date expire, wholly.",
    "debt": "Debt comes from taking back and adjusting only, and never stands beside usable points.",
    "rule_version": "The settings that decided an entry are kept.",
    "account": "Entries and lots belong to an account that is in the books.",
    "account_row": "An account's row says what its entries come to.",
    "lot": "The lots are what the entries made of them.",
    "posted_outcome": "A key posted the entry that has it, and every entry with a key was posted by it.",
    "repeated_outcome": "What a key repeats is in the books.",
    "outcome_account": "What a key answered is about an account and a program that are in the books.",
    "reversal": "Never more is taken back than was earned, or given back than was redeemed.",
    "order": "A source earns and redeems an order once.",
    "settings": "The settings that decide now are kept.",
    "trial_balance": "The accounts and the program's counter accounts come to nothing together.",
}
"""What is checked, by name."""
