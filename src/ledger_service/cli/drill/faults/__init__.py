"""The fault matrix, as far as it can be injected on one machine: one module for each family."""
