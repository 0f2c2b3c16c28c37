"""The fault bench: planted faults that a named check must find, and sound models in which none may be found."""
