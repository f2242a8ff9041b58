"""One file for each measured claim; each runs as `python -m benchmarks.NAME`."""
