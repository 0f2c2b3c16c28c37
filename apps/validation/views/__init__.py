"""Pages of validation: plans, runs with their report, findings, waivers, checks and templates."""
