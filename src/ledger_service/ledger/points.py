"""The bounds of a number of points."""

POINTS_MAX = 2**53 - 1
"""Points, either sign. The largest whole number that a JavaScript client reads back without rounding."""
