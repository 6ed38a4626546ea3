//! x
pub const METHODS: &[&str] = &[];
