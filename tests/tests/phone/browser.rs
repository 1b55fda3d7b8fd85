//! A headless Chromium, driven through WebDriver.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The timeout of every wait. It is long because the machine may be busy; only a failing test reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The time between two polls of the page.
const PAUSE: Duration = Duration::from_millis(20);

/// The page's width and height in pixels.
const SIZE: (u32, u32) = (1440, 900);

/// Helpers for conditions: the first element's text, all elements' texts, the facts about the customer.
const HELPERS: &str = "
    const all = (css) => [...document.querySelectorAll(css)].map((node) => node.textContent);
    const text = (css) => all(css)[0] || '';
    const facts = () => all('#facts .badge');";

/// A browser, its driver, and the profile that they use.
pub(crate) struct Browser {
    client: Client,
    _driver: Driver,
    _profile: TempDir,
}

/// A running chromedriver, ended when dropped.
struct Driver {
    process: Child,
    url: String,
}

impl Browser {
    /// Starts the driver and the browser, with a page of [`SIZE`].
    pub(crate) async fn open() -> Result<Self, String> {
        let chromium = find(&["chromium", "chromium-browser", "google-chrome"])?;
        let driver = Driver::start()?;
        let profile = TempDir::new().map_err(|error| format!("no profile: {error}"))?;
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--hide-scrollbars",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let options = json!({"goog:chromeOptions": {"binary": chromium, "args": arguments}});
        let Value::Object(capabilities) = options else {
            return Err("capabilities are an object".to_owned());
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver.url)
            .await
            .map_err(|error| format!("the browser does not start: {error}"))?;
        let browser = Self {
            client,
            _driver: driver,
            _profile: profile,
        };
        browser.resize().await?;
        Ok(browser)
    }

    /// Goes to `url`.
    pub(crate) async fn visit(&self, url: &str) -> Result<(), String> {
        self.client.goto(url).await.map_err(message)
    }

    /// Clicks on the first element that `css` selects.
    pub(crate) async fn click(&self, css: &str) -> Result<(), String> {
        self.with(css, async |element| element.click().await).await
    }

    /// Types into the first element that `css` selects.
    pub(crate) async fn write(&self, css: &str, text: &str) -> Result<(), String> {
        let type_in = async |element: Element| element.send_keys(text).await;
        self.with(css, type_in).await
    }

    /// Runs `act` on the first element that `css` selects. The page renders its elements again after each change, so an
    /// element may be stale; then the new one is used.
    async fn with(
        &self,
        css: &str,
        act: impl AsyncFn(Element) -> Result<(), CmdError>,
    ) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let done = match self.client.find(Locator::Css(css)).await {
                Ok(element) => act(element).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => return Ok(()),
                Err(error) if is_stale(&error) && Instant::now() < end => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(format!("{css}: {error}")),
            }
        }
    }

    /// Waits until a condition in JavaScript holds on the page.
    pub(crate) async fn until(&self, what: &str, holds: &str) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        let script = format!("{HELPERS} return Boolean({holds});");
        while self.ask(&script).await? != true {
            if Instant::now() > end {
                let text = self.ask("return document.body.innerText;").await?;
                return Err(format!("the page does not show {what}; it shows: {text}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The page as a PNG.
    pub(crate) async fn picture(&self) -> Result<Vec<u8>, String> {
        self.client.screenshot().await.map_err(message)
    }

    /// Ends the session, and with it the browser.
    pub(crate) async fn close(self) {
        // The driver ends with this value, whatever the result.
        let _ended = self.client.close().await;
    }

    /// Enlarges the window by its border, so that the page has [`SIZE`].
    async fn resize(&self) -> Result<(), String> {
        let (width, height) = SIZE;
        self.client
            .set_window_size(width, height)
            .await
            .map_err(message)?;
        let inner = self.ask("return [innerWidth, innerHeight];").await?;
        let around = |place: usize, wanted: u32| {
            let got = inner[place]
                .as_u64()
                .and_then(|got| u32::try_from(got).ok());
            wanted.saturating_sub(got.unwrap_or(wanted))
        };
        let (wider, higher) = (around(0, width), around(1, height));
        let resized = self.client.set_window_size(width + wider, height + higher);
        resized.await.map_err(message)
    }

    async fn ask(&self, script: &str) -> Result<Value, String> {
        self.client
            .execute(script, Vec::new())
            .await
            .map_err(message)
    }
}

impl Driver {
    fn start() -> Result<Self, String> {
        let mut process = Command::new(find(&["chromedriver"])?)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("chromedriver does not start: {error}"))?;
        let output = process.stdout.take();
        let mut driver = Self {
            process,
            url: String::new(),
        };
        let lines = output
            .into_iter()
            .flat_map(|out| BufReader::new(out).lines());
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let port = port.ok_or("chromedriver does not print its port")?;
        driver.url = format!("http://127.0.0.1:{port}");
        Ok(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// The first of these programs that is installed.
fn find(names: &[&str]) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let candidates = names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |directory| directory.join(name)));
    let mut installed = candidates.filter(|file| file.is_file());
    installed.next().ok_or_else(|| {
        format!(
            "{} is not installed; on Debian: apt-get install chromium chromium-driver fonts-noto-cjk",
            names[0]
        )
    })
}

/// Whether a command failed because the page was being rendered again.
fn is_stale(error: &CmdError) -> bool {
    error.is_no_such_element() || error.is_stale_element_reference()
}

fn message(error: impl std::fmt::Display) -> String {
    error.to_string()
}
