//! The whole life of a secret in the console, by keys alone, at 80x24.
