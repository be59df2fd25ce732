"""Exports: a frozen selection of a job's images, written in a form that its consumers load."""
