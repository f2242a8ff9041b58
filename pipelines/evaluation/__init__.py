"""What a store is worth: the parts of ``tracemine evaluate``, see `pipelines.evaluate`."""
