//! The client against a small scripted server that counts what it is asked.

mod answers;
mod calls;
mod network;
mod sandbox;
mod stores;
mod tokens;
