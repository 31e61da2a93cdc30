"""Requests against what a stack deploys, right and wrong, and what AWS would answer: the table, and its two judges."""
