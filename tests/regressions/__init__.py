"""Programs that once crashed, hung or went wrong, a file each; test_regressions.py says what such a file looks like."""
