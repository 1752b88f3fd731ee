//! Nothing: the tests of this package check the manifests of the examples.
