"""Least action in any dimension: the path that noise finds easiest, and what it costs."""
