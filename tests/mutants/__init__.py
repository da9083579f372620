"""Bugs of other projects, put into ours one at a time: the tests must notice each.

`python -m tests.mutants` does it in copies of the tree, two at a time, and says which were caught.
A mutant whose text is no longer found exactly once is an error, so that none of them can rot.
"""
