"""The history checker: whether what clients saw can have come from the books as they stand in the end."""
