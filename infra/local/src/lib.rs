//! The bundle on one machine: the functions over an embedded DynamoDB, with a WeCom sandbox.
