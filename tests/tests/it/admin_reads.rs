//! admin reads
