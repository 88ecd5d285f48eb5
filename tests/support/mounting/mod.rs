//! What tests of real mounts share: a harness, and a place for each test that is taken away with all mounts in it.

pub(crate) mod harness;
pub(crate) mod lab;
