//! The WeCom sandbox, scenario tests and benches.
