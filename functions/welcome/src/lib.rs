//! Sends the welcome message within its 20 seconds.
