//! Prints the company's customer tags by group.
//!
//! Usage: `WECOM_CORP_ID=… WECOM_SECRET=… list_tags`

use std::env::var;
use std::error::Error;
use wecom::api::tag::TagFilter;
use wecom::{AppName, Client, CorpId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let corp = CorpId::new(var("WECOM_CORP_ID")?);
    let client =
        Client::builder(corp, AppName::new("contact"), var("WECOM_SECRET")?.into()).build()?;
    for group in client.get_corp_tag_list(&TagFilter::default()).await? {
        println!("{} ({})", group.group_name, group.group_id);
        for tag in group.tag {
            println!("  {} ({})", tag.name, tag.id);
        }
    }
    Ok(())
}
