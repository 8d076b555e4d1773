"""Review: metrics, contact sheet, preview movie, report page."""
