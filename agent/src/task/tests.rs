//! Does a task keep its order of states, files and receipts?
