"""What other programs open: Nuke scripts and nodes made of a shot's results."""
