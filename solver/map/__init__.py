"""Address maps: what stands where, before and after, as SVG, HTML, PNG or lines of text."""
