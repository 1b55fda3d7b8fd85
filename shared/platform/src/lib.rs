//! AWS adapters: configuration, secrets, tables, stores, tokens, metrics.
