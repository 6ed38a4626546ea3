//! Whole screens by keystroke scripts.
