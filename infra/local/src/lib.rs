//! The bundle on one machine: the functions, what AWS provides around them, and a sandbox of WeCom.
//!
//! Each module of the machinery stands for the AWS service of the same job: [`embedded`] for DynamoDB, [`event_source`]
//! for the mapping of a stream to a function, [`gateway`] for the HTTP API, [`invoke`] for Lambda itself. The functions
//! see the event types, limits, deadlines and retries that they see when deployed. [`stack`] wires all of it together;
//! [`demo`] plays on it, [`args`] is the command line and [`start`] what can go wrong before anything runs. [`backup`]
//! copies the data of a stack that may be running, and puts it back.

pub mod args;
pub mod backup;
mod changes;
pub mod config;
pub mod data_directory;
pub mod demo;
mod dynamodb_api;
pub mod embedded;
pub mod event_source;
pub mod functions;
pub mod gateway;
pub mod invoke;
mod local_request;
pub mod operator;
mod progress;
pub mod sample;
pub mod schedule;
pub mod signals;
pub mod stack;
pub mod start;
pub mod tables;
