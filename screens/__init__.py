"""The terminal wizard: draws what the engine tells and asks what it needs. No rule and no request lives here."""
