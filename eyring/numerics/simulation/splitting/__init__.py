"""Escapes too rare to wait for: adaptive multilevel splitting."""
