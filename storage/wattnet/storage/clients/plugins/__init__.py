"""The plugins that this package brings: kafka and clickhouse."""
