"""The books: every rule about points, as plain values and pure functions. No I/O, no clock, no chance."""
