"""The sample program of a grocery chain."""

from pydantic import TypeAdapter

from ledger_service.api.settings_document import SettingsDocument
from ledger_service.cli.year.program import sample_settings


def test_the_sample_program_is_a_settings_document_that_opens_accounts():
    document = TypeAdapter(SettingsDocument).validate_python(sample_settings())
    assert document.document() == sample_settings()
    assert document.auto_open
