"""Identity: from what is on a card or in an address book to what the ledger keeps of it: a keyed hash and a mask."""

import hmac
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from unicodedata import normalize

import phonenumbers

from ledger_service.api.validation import invalid
from ledger_service.ledger.commands import IdentifierClaim, IdentifierType

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")
_MASKED_FROM: Final = 8
"""Characters a value must have before its last four are shown."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Makes identifiers findable without keeping their values."""

    pepper: bytes
    """Kept outside the database: a plain hash of a phone number is guessed in seconds."""

    def claim(
        self, program_id: int, identifier_type: IdentifierType, value: str, identifier_id: str, pointer: str = "/value"
    ) -> IdentifierClaim:
        """What the books get of an identifier. Raises Unfit, pointing at the value, when it cannot be one."""
        normal = normalised(identifier_type, value, pointer)
        return IdentifierClaim(
            identifier_id=identifier_id,
            type=identifier_type,
            digest=self.digest(program_id, identifier_type, normal),
            masked=masked(identifier_type, normal),
        )

    def digest(self, program_id: int, identifier_type: IdentifierType, normal: str) -> bytes:
        """HMAC-SHA-256 of a normalised value, another one in each program."""
        message = f"identifier\0{program_id}\0{identifier_type}\0{normal}"
        return hmac.digest(self.pepper, message.encode(), "sha256")

    def made_id(self, prefix: str, program_id: int, *parts: str) -> str:
        """An id of ours: the same for the same parts, so that a repeated call names what the first one made."""
        message = "\0".join(("id", prefix, str(program_id), *parts)).encode()
        number = int.from_bytes(blake2b(message, digest_size=16, key=self.pepper[:64]).digest())
        return f"{prefix}_{''.join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))}"


def normalised(identifier_type: IdentifierType, value: str, pointer: str) -> str:
    """The one spelling of a value. Phones become E.164; refused is only what no phone can have."""
    text = normalize("NFKC", value).strip()
    match identifier_type:
        case "phone":
            return _phone(text, pointer)
        case "email":
            if not _EMAIL.fullmatch(text):
                raise invalid(pointer, "not_an_email", "Must be an e-mail address.")
            return text.casefold()
        case "card":
            card = re.sub(r"[\s-]", "", text).upper()
            if not card:
                raise invalid(pointer, "too_short", "Must have at least 1 character besides spaces and hyphens.")
            return card
        case "external":
            if not text:
                raise invalid(pointer, "too_short", "Must have at least 1 character besides spaces.")
            return text


def masked(identifier_type: IdentifierType, normal: str) -> str:
    """Enough for a person at the till to recognise a value, too little for anybody else."""
    if identifier_type == "email":
        local, _, domain = normal.partition("@")
        return f"{local[0]}***@{domain[0]}***.{domain.rpartition('.')[2]}" if "." in domain else f"{local[0]}***@***"
    shown = 2 if identifier_type == "phone" else 4
    return "****" + (normal[-shown:] if len(normal) >= _MASKED_FROM else "")


def _phone(text: str, pointer: str) -> str:
    international = "+" + text[2:] if text.startswith("00") else text
    try:
        number = phonenumbers.parse(international, None)
    except phonenumbers.NumberParseException:
        raise invalid(pointer, "not_a_phone", "Must be an international phone number, like +49 30 1234567.") from None
    if not phonenumbers.is_possible_number(number):
        raise invalid(pointer, "not_a_phone", "No phone number of that country has this length.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
