"""Scripts for maintainers: code generation. Not part of the wheel."""
