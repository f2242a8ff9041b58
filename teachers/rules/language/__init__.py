"""Words: numbers and names in a text, identifiers, phrases that hold for other stories, quotes."""
