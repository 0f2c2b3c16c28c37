"""The validation laboratory's arithmetic: checks, their registry, plans as data, and the runner. No Django in here."""
