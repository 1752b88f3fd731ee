//! The tests of a node that is built without the feature `reconfiguration` are in `tests`.
