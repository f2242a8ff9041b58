"""The page that says what was mined and what it is worth: the parts of ``tracemine report``, see
`pipelines.report`."""
