"""Escape times predicted by every law, published and eyring's own, from one measured way, each law with its assumptions measured."""
