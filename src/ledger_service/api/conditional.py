"""Conditional requests (RFC 9110): entity tags and what callers say about them."""


def entity_tag(text: str | int) -> str:
    """A strong tag."""
    return f'"{text}"'


def is_unchanged(if_none_match: bytes | None, tag: str) -> bool:
    """Whether the caller already has what the tag stands for. Weak comparison, as for every GET."""
    if if_none_match is None:
        return False
    told = if_none_match.decode("latin-1").strip()
    return told == "*" or tag in (part.strip().removeprefix("W/") for part in told.split(","))


def version_of(if_match: bytes) -> int:
    """The version that an If-Match header names; 0, which none has, when it is not one of our tags."""
    told = if_match.decode("latin-1").strip()
    number = told[1:-1]
    is_ours = len(told) > 2 and told[0] == told[-1] == '"' and number.isascii() and number.isdigit()
    return int(number) if is_ours and len(number) <= 15 else 0
