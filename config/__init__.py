"""Settings, processes and entry points of Tenure."""
