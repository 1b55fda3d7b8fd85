//! Receives WeCom's callbacks and stores each event before it answers.
