//! The client against a small scripted server that counts what it is asked.

mod address_book;
mod answers;
mod calls;
mod groups;
mod network;
mod sandbox;
mod stores;
mod tokens;
