"""One axis a file: a function from a `bench.choices.lab.Lab` to rows."""
