"""A plan as ordered steps: legal placements in a row, and what happens to drivers and registers between them."""
