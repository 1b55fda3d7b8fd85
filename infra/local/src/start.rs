//! What can be wrong with the command line or the machine before anything runs.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use platform::http::HttpError;
use thiserror::Error;
use tokio::net::TcpListener;

/// A start that failed through no fault of the program. Each is one line for the person at the terminal, and `main`
/// answers it with exit code 2.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another process listens on the port.
    #[error("port {port} ({purpose}) is in use; choose another with `serve --port`")]
    PortInUse {
        /// The port that is taken.
        port: u16,
        /// What it was to be used for.
        purpose: &'static str,
    },
    /// The embedded DynamoDB listens on the port after the front door's, and there is none.
    #[error("--port {port} leaves no port for DynamoDB, which takes the one after it")]
    NoPortAfter {
        /// The port of the front door.
        port: u16,
    },
    /// The port cannot be used for another reason, such as a privileged port.
    #[error("cannot listen on port {port} ({purpose}): {source}")]
    Listen {
        /// The port.
        port: u16,
        /// What it was to be used for.
        purpose: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is no HTTP client.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A file named on the command line cannot be read.
    #[error("cannot read {flag} {}: {source}", .path.display())]
    Unreadable {
        /// The flag that names the file.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The configuration is readable and wrong.
    #[error("--config {} is not a valid configuration: {reason}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Every fault found, in one line.
        reason: String,
    },
    /// The data directory cannot be made or written to.
    #[error("cannot use --data {}: {source}", .path.display())]
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another local stack works in the data directory.
    #[error("--data {} is in use by another scrm-local", .path.display())]
    DataDirectoryInUse {
        /// The directory.
        path: PathBuf,
    },
    /// The sandbox, or the client of WeCom, cannot be set up.
    #[error("cannot set up WeCom: {reason}")]
    Wecom {
        /// What is wrong.
        reason: String,
    },
    /// The signals that end the process cannot be handled.
    #[error("cannot handle signals: {0}")]
    Signals(#[from] io::Error),
    /// The embedded database does not open.
    #[error("cannot open the embedded DynamoDB: {reason}")]
    Database {
        /// What the database says.
        reason: String,
    },
}

/// The two sockets of the local stack, bound before anything else is done, so that a port in use is found first.
#[derive(Debug)]
pub struct Listeners {
    /// The front door.
    pub gateway: Listener,
    /// The embedded DynamoDB, on the port after the front door's.
    pub dynamodb: Listener,
}

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// `http://127.0.0.1:` and the port that the socket has, without a slash at the end.
    pub url: String,
}

impl Listeners {
    /// Binds `port` and `port` + 1 on 127.0.0.1; port 0 takes two free ports.
    ///
    /// # Errors
    ///
    /// [`StartError::NoPortAfter`], [`StartError::PortInUse`] or [`StartError::Listen`].
    pub async fn bind(port: u16) -> Result<Self, StartError> {
        let second = match port {
            0 => 0,
            _ => port
                .checked_add(1)
                .ok_or(StartError::NoPortAfter { port })?,
        };
        Ok(Self {
            gateway: listen(port, "front door").await?,
            dynamodb: listen(second, "DynamoDB").await?,
        })
    }
}

async fn listen(port: u16, purpose: &'static str) -> Result<Listener, StartError> {
    let bound = async {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let url = format!("http://{}", socket.local_addr()?);
        Ok(Listener { socket, url })
    };
    bound
        .await
        .map_err(|source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortInUse { port, purpose },
            _ => StartError::Listen {
                port,
                purpose,
                source,
            },
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(listener: &Listener) -> u16 {
        listener.socket.local_addr().unwrap().port()
    }

    /// Two bound ports, the second one after the first.
    async fn neighbours() -> (Listener, Listener) {
        loop {
            let first = listen(0, "test").await.unwrap();
            if let Ok(second) = listen(port(&first) + 1, "test").await {
                return (first, second);
            }
        }
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_the_flag_to_change_it() {
        let (first, second) = neighbours().await;
        let (port, after) = (port(&first), port(&second));
        assert_eq!(
            Listeners::bind(port).await.unwrap_err().to_string(),
            format!("port {port} (front door) is in use; choose another with `serve --port`")
        );
        drop(first);
        assert_eq!(
            Listeners::bind(port).await.unwrap_err().to_string(),
            format!("port {after} (DynamoDB) is in use; choose another with `serve --port`")
        );
    }

    #[tokio::test]
    async fn the_last_port_has_no_port_after_it() {
        assert_eq!(
            Listeners::bind(u16::MAX).await.unwrap_err().to_string(),
            "--port 65535 leaves no port for DynamoDB, which takes the one after it"
        );
    }

    #[tokio::test]
    async fn port_zero_takes_two_free_ports() {
        let listeners = Listeners::bind(0).await.unwrap();
        assert_ne!(port(&listeners.gateway), port(&listeners.dynamodb));
        assert_eq!(
            listeners.gateway.url,
            format!("http://127.0.0.1:{}", port(&listeners.gateway))
        );
    }
}
