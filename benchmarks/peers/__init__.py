"""Peers: scripts that run in environments of their own, made by the benchmark and never part of Tenure's."""
