"""The same step printed for a graphics processor."""
