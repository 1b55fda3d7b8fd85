//! What a function is told through its environment variables. Read once, by `main`.

/// The variables of every function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// `SCRM_INBOX_TABLE`: name of the inbox table.
    pub inbox_table: String,
    /// `SCRM_DATA_TABLE`: name of the data table.
    pub data_table: String,
    /// `SCRM_SECRET_ID`: Secrets Manager id of the configuration secret.
    pub secret_id: String,
    /// `WECOM_API_BASE`: where WeCom's API is; `https://qyapi.weixin.qq.com` if not set.
    pub wecom_api_base: String,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the name of the deployed function, which Lambda sets; it tells stacks apart.
    pub function_name: Option<String>,
}

/// Variables that must be set and are not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variables not set: {}", .0.join(", "))]
pub struct MissingVariables(Vec<&'static str>);

/// WeCom's own address (doc 90664).
pub const WECOM_API: &str = "https://qyapi.weixin.qq.com";

impl Environment {
    /// Reads the variables through `variable`. An empty one counts as not set.
    ///
    /// # Errors
    /// Names every variable that is missing.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, MissingVariables> {
        let mut missing = Vec::new();
        let optional = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut required = |name: &'static str| {
            optional(name).unwrap_or_else(|| {
                missing.push(name);
                String::new()
            })
        };
        let environment = Self {
            inbox_table: required("SCRM_INBOX_TABLE"),
            data_table: required("SCRM_DATA_TABLE"),
            secret_id: required("SCRM_SECRET_ID"),
            wecom_api_base: optional("WECOM_API_BASE").unwrap_or_else(|| WECOM_API.to_owned()),
            function_name: optional("AWS_LAMBDA_FUNCTION_NAME"),
        };
        if missing.is_empty() {
            Ok(environment)
        } else {
            Err(MissingVariables(missing))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = Environment::read(|name| (name == "SCRM_DATA_TABLE").then(|| "data".into()))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "environment variables not set: SCRM_INBOX_TABLE, SCRM_SECRET_ID"
        );
    }

    #[test]
    fn wecoms_own_address_is_the_default_and_outside_lambda_there_is_no_function() {
        let set = |name: &str| name.starts_with("SCRM").then(|| name.to_lowercase());
        let environment = Environment::read(set).unwrap();
        assert_eq!(environment.wecom_api_base, WECOM_API);
        assert_eq!(environment.function_name, None);
        let environment = Environment::read(|name| Some(name.to_lowercase())).unwrap();
        let name = environment.function_name.as_deref();
        assert_eq!(name, Some("aws_lambda_function_name"));
    }
}
