//! The signals with which a terminal or a service manager asks the process to end.

use std::io;

/// Ctrl+C (SIGINT), and SIGTERM where there is one. While it exists, neither ends the process by itself.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes the signals from now on.
    ///
    /// # Errors
    /// What the operating system says.
    #[cfg(unix)]
    pub fn take() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next signal, as the exit code of a process that ends by it: 128 and its number.
    #[cfg(unix)]
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }

    /// Takes the signals from now on.
    ///
    /// # Errors
    /// None on this system.
    #[cfg(not(unix))]
    pub fn take() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The next Ctrl+C, as the exit code of a process that ends by it.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> u8 {
        let _handled = tokio::signal::ctrl_c().await;
        130
    }
}
