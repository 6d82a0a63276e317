"""How each section of targets.py is measured: measure(setting, row) returns a result."""
