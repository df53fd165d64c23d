"""Why not everything fits: the smallest conflict, and the cheapest ways out."""
