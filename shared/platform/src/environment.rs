//! The environment variables of a function. Read once, by `main`.

use aws_credential_types::Credentials;

use crate::layout;

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
    /// `SCRM_INBOX_DAYS`: days after which an event is deleted, 1 to 3650; [`layout::INBOX_DAYS`] if not set.
    pub inbox_days: u16,
    /// `SCRM_PUBLIC_URL`: where WeCom reaches the bundle, such as `https://scrm.example.com`, without a slash at its
    /// end; set for `sync`, which checks it.
    pub public_url: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the name of the deployed function, which Lambda sets; it distinguishes stacks.
    pub function_name: Option<String>,
}

/// What every function needs to know about AWS. Lambda sets all of it but the endpoint.
#[derive(Debug, Clone)]
pub struct AwsEnvironment {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`: those of the function's role.
    pub credentials: Credentials,
    /// `AWS_ENDPOINT_URL`: where all services are, if not where they always are.
    pub endpoint_url: Option<String>,
}

/// Variables that must be set and are not, or that have a value which they cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variables not set or not valid: {}", .0.join(", "))]
pub struct InvalidEnvironment(Vec<String>);

impl FromIterator<Self> for InvalidEnvironment {
    fn from_iter<T: IntoIterator<Item = Self>>(all: T) -> Self {
        Self(all.into_iter().flat_map(|faults| faults.0).collect())
    }
}

/// The longest time that an event may be kept, in days.
const MAX_DAYS: u16 = 3650;

/// WeCom's own address (doc 90664).
pub const WECOM_API: &str = "https://qyapi.weixin.qq.com";

impl Environment {
    /// Reads the variables through `variable`. An empty one counts as not set.
    ///
    /// # Errors
    /// Names every variable that is missing or has a value that it cannot have.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidEnvironment> {
        let mut variables = Variables::new(variable);
        let environment = Self {
            inbox_table: variables.required(&["SCRM_INBOX_TABLE"]),
            data_table: variables.required(&["SCRM_DATA_TABLE"]),
            secret_id: variables.required(&["SCRM_SECRET_ID"]),
            wecom_api_base: variables
                .optional("WECOM_API_BASE")
                .unwrap_or_else(|| WECOM_API.to_owned()),
            inbox_days: variables.days("SCRM_INBOX_DAYS", layout::INBOX_DAYS),
            public_url: variables.optional("SCRM_PUBLIC_URL"),
            function_name: variables.optional("AWS_LAMBDA_FUNCTION_NAME"),
        };
        variables.complete(environment)
    }
}

impl AwsEnvironment {
    /// Reads the variables through `variable`. An empty one counts as not set.
    ///
    /// # Errors
    /// Names every variable that is missing or has a value that it cannot have.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidEnvironment> {
        let mut variables = Variables::new(variable);
        let credentials = Credentials::new(
            variables.required(&["AWS_ACCESS_KEY_ID"]),
            variables.required(&["AWS_SECRET_ACCESS_KEY"]),
            variables.optional("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let environment = Self {
            region: variables.required(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
            credentials,
            endpoint_url: variables.optional("AWS_ENDPOINT_URL"),
        };
        variables.complete(environment)
    }
}

/// Reads variables and remembers what is wrong with them.
struct Variables<F> {
    variable: F,
    faults: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    fn new(variable: F) -> Self {
        Self {
            variable,
            faults: Vec::new(),
        }
    }

    fn optional(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// The first of `names` that is set.
    fn required(&mut self, names: &[&'static str]) -> String {
        let found = names.iter().find_map(|name| self.optional(name));
        found.unwrap_or_else(|| {
            self.faults.extend(names.first().map(ToString::to_string));
            String::new()
        })
    }

    /// A number of days, which is `usual` if the variable is not set.
    fn days(&mut self, name: &str, usual: u16) -> u16 {
        let Some(text) = self.optional(name) else {
            return usual;
        };
        let days = text
            .parse()
            .ok()
            .filter(|days| (1..=MAX_DAYS).contains(days));
        days.unwrap_or_else(|| {
            self.faults
                .push(format!("{name} (a number of days from 1 to {MAX_DAYS})"));
            usual
        })
    }

    fn complete<T>(self, environment: T) -> Result<T, InvalidEnvironment> {
        if self.faults.is_empty() {
            Ok(environment)
        } else {
            Err(InvalidEnvironment(self.faults))
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
            "environment variables not set or not valid: SCRM_INBOX_TABLE, SCRM_SECRET_ID"
        );
    }

    #[test]
    fn wecoms_own_address_is_the_default_and_outside_lambda_there_is_no_function() {
        let required = ["SCRM_INBOX_TABLE", "SCRM_DATA_TABLE", "SCRM_SECRET_ID"];
        let set = |name: &str| required.contains(&name).then(|| name.to_lowercase());
        let environment = Environment::read(set).unwrap();
        assert_eq!(environment.wecom_api_base, WECOM_API);
        assert_eq!(environment.inbox_days, layout::INBOX_DAYS);
        assert_eq!(environment.function_name, None);
        let all = |name: &str| match name {
            "SCRM_INBOX_DAYS" => Some("90".to_owned()),
            name => Some(name.to_lowercase()),
        };
        let environment = Environment::read(all).unwrap();
        assert_eq!(environment.inbox_days, 90);
        let name = environment.function_name.as_deref();
        assert_eq!(name, Some("aws_lambda_function_name"));
    }

    #[test]
    fn a_number_of_days_that_is_none_is_named_with_what_it_may_be() {
        for days in ["0", "4000", "ninety"] {
            let variable = |name: &str| match name {
                "SCRM_INBOX_DAYS" => Some(days.to_owned()),
                name => Some(name.to_lowercase()),
            };
            let error = Environment::read(variable).unwrap_err();
            assert_eq!(
                error.to_string(),
                "environment variables not set or not valid: SCRM_INBOX_DAYS (a number of days from 1 to 3650)"
            );
        }
    }

    #[test]
    fn the_region_has_two_names_and_no_secret_is_shown() {
        let set = |name: &str| match name {
            "AWS_DEFAULT_REGION" => Some("cn-north-1".to_owned()),
            "AWS_ENDPOINT_URL" => Some(String::new()),
            name => Some(format!("value of {name}")),
        };
        let without_region = |name: &str| set(name).filter(|_| name != "AWS_REGION");
        let aws = AwsEnvironment::read(without_region).unwrap();
        assert_eq!(aws.region, "cn-north-1");
        assert_eq!(aws.endpoint_url, None);
        let shown = format!("{aws:?}");
        assert!(!shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("AWS_SESSION_TOKEN"));

        let error = AwsEnvironment::read(|_| None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "environment variables not set or not valid: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION"
        );
    }
}
