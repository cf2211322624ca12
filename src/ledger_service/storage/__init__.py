"""Storage: the only place that knows SQL. Rows become values in the function that fetched them."""
