"""HTTP: what came in, what was asked, what goes out. No rule about points lives here."""
