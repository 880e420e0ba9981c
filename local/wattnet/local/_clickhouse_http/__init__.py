"""A process that runs the ClickHouse engine (chDB) and answers on ClickHouse's HTTP interface.

It speaks what clients use: GET and POST, `query`, `param_*`, `database`, `default_format`, settings as URL parameters,
data in the body in any input format, compressed or not, results as a whole or streamed, errors with ClickHouse's codes.
It does not know users, sessions (`SET` ends with its statement), external tables, and ClickHouse's block compression.
"""
