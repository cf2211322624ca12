"""Three tables: accounts, their entries, and the answers that are kept under idempotency keys."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """What all tables have in common."""


class Account(Table):
    """One member's books: the numbers as they are now."""

    __tablename__ = "account"
    # Room on the page, so that updates need no new index entries.
    __table_args__ = (CheckConstraint("balance >= 0"), {"postgresql_with": {"fillfactor": 70}})

    account_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[str] = mapped_column(String(16), default="active")
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    balance: Mapped[int] = mapped_column(BigInteger, default=0)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Entry(Table):
    """One change of a balance. Written once, never changed."""

    __tablename__ = "entry"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.account_id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    points: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class KeptAnswer(Table):
    """What was answered under an idempotency key, and to which request."""

    __tablename__ = "kept_answer"

    idempotency_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
