"""The texts that models are asked with; `tracemine.teachers.model.making` fills them in."""
