"""`wattnet demo`: the whole road, on real services and a year of real data."""
