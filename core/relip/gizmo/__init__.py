"""Versioned gizmos: lint, audit, upgrade, freeze and bundle them as text, without Nuke."""
