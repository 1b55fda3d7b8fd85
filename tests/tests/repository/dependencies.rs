//! Which crate may depend on which.

use std::process::Command;

use crate::root;

/// The direct and transitive dependencies of `package`, without those of its tests and build scripts.
fn dependencies(package: &str) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--offline",
        ])
        .args(["--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let lines = String::from_utf8(tree.stdout).unwrap();
    lines
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn assert_no_dependency(package: &str, forbidden: &[&str]) {
    let dependencies = dependencies(package);
    assert!(dependencies.len() > 5, "{package}: {dependencies:?}");
    for name in dependencies {
        let is_forbidden = forbidden.iter().any(|prefix| name.starts_with(prefix));
        assert!(!is_forbidden, "{package} depends on {name}");
    }
}

#[test]
fn the_domain_depends_on_neither_aws_nor_http() {
    let forbidden = [
        "aws-config",
        "aws-sdk",
        "aws-smithy",
        "lambda",
        "reqwest",
        "hyper",
        "axum",
        "tokio",
        "http",
    ];
    assert_no_dependency("domain", &forbidden);
}

#[test]
fn the_sdk_does_not_depend_on_aws() {
    assert_no_dependency(
        "wecom-sdk",
        &[
            "aws-config",
            "aws-sdk",
            "aws-smithy",
            "aws_lambda",
            "lambda",
        ],
    );
}

#[test]
fn the_sandbox_shares_no_code_with_the_bundle() {
    // The only shared crate is the clock, which contains nothing about WeCom.
    assert_no_dependency("wecom-sandbox", &["wecom-sdk", "domain", "platform"]);
}

#[test]
fn only_one_tls_stack_is_linked() {
    assert_no_dependency("scrm-local", &["native-tls", "openssl-sys", "ring"]);
}

#[test]
fn functions_do_not_link_the_credential_provider_chain() {
    for function in ["callback", "welcome", "tagging", "sync", "admin"] {
        assert_no_dependency(function, &["aws-config", "aws-sdk-sts", "aws-sdk-sso"]);
    }
}

#[test]
fn the_local_stack_does_not_compile_charts_or_benches() {
    assert_no_dependency("scrm-local", &["plotters", "criterion", "flate2"]);
}

#[test]
fn operations_depend_on_neither_aws_nor_http() {
    assert_no_dependency(
        "operations",
        &[
            "aws-config",
            "aws-sdk",
            "aws-smithy",
            "lambda",
            "reqwest",
            "hyper",
            "platform",
        ],
    );
}
