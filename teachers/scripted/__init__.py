"""A server that speaks the OpenAI protocol and answers by script, for tests and benchmarks."""
