"""Failures: the service could not serve. (A refusal, where the books say no, is a value: `ledger/refusals.py`.)

Failure
├── Unserved                nothing was written; safe to try again at once or later
│   ├── Overloaded          more is waiting than can be done in time
│   ├── ShuttingDown        this instance takes nothing new
│   ├── DatabaseUnavailable no connection to a writable database
│   ├── AccountLocked       someone outside holds a row that the gate needs: the accounts go one by one
│   └── KeyTaken            another instance wrote a key, order or identifier of this batch first: decide again
├── OutcomeUnknown          the connection was lost around the commit: repeat with the same key
├── ProposalRejected        the gate found a broken invariant: a bug in the core, nothing was written
└── SchemaMismatch          this database's schema is not the one this version serves: migrate
"""


class Failure(Exception):
    """The service could not serve; the message says why, for operators."""


class Unserved(Failure):
    """Nothing was written."""


class Overloaded(Unserved):
    """More is waiting than can be done before the deadlines."""


class ShuttingDown(Unserved):
    """This instance is draining and takes nothing new."""


class DatabaseUnavailable(Unserved):
    """There is no connection to a writable database now."""


class AccountLocked(Unserved):
    """Someone else, not the gate of another instance, holds the row of an account for long."""


class KeyTaken(Unserved):
    """Another instance wrote a key, an order or an identifier of this batch between load and write."""


class OutcomeUnknown(Failure):
    """The connection was lost after the gate was called: written or not, the same key will tell."""


class ProposalRejected(Failure):
    """The gate refused a proposal that breaks an invariant of the books. A bug in the core; nothing was written."""


class SchemaMismatch(Failure):
    """The database's schema is not the one that this version of the service can serve."""
