"""Import paths of wattnet-storage 1.1."""
