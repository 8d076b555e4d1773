"""Pixels, for the classes the gizmos use."""
