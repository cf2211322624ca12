"""The catalogue: every code this service answers, with its status and words. Documents and pages are made from it."""

from collections.abc import Mapping
from typing import Final

from ledger_service.api.problem import Problem
from ledger_service.api.problems_of_books import PROBLEMS_OF_BOOKS
from ledger_service.api.problems_of_calls import PROBLEMS_OF_CALLS

CATALOGUE: Final[Mapping[str, Problem]] = {
    problem.code: problem
    for problem in sorted((*PROBLEMS_OF_BOOKS, *PROBLEMS_OF_CALLS), key=lambda problem: (problem.status, problem.code))
}
"""By code, in the order of their statuses."""
