"""`wattnet publish`: a file's lines as metrics, and what is wrong with the rest."""
