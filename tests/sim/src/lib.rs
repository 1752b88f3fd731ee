//! The deterministic cluster.
