"""How answers are written: jobs, problems, downloads."""
