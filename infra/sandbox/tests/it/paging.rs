//! Cursors do not live for ever.

use std::time::Duration;

use serde_json::{Value, json};
use wecom_sandbox::{SandboxOptions, Scan};

use crate::support::{World, code, world, world_with};

async fn page(world: &World, cursor: &Value) -> Value {
    let body = json!({"userid_list": ["lisi"], "limit": 1, "cursor": cursor});
    world.post("externalcontact/batch/get_by_user", body).await
}

async fn with_customers(world: World) -> World {
    for _ in 0..3 {
        world
            .corp
            .add_by_search("lisi", &Scan::default())
            .expect("there");
    }
    world
}

#[tokio::test]
async fn all_cursors_go_stale_at_once_by_command() {
    let world = with_customers(world().await).await;
    let first = page(&world, &json!("")).await;
    let second = page(&world, &first["next_cursor"]).await;
    assert_eq!(code(&second), 0);
    world.sandbox.stale_cursors();
    for cursor in [&first["next_cursor"], &second["next_cursor"]] {
        assert_eq!(code(&page(&world, cursor).await), 50100);
    }
    let anew = page(&world, &json!("")).await;
    assert_eq!(code(&page(&world, &anew["next_cursor"]).await), 0);
}

#[tokio::test]
async fn a_cursor_dies_of_age() {
    let second = Duration::from_secs(1);
    for (ttl, expected) in [(Some(second * 60), 50100), (None, 0)] {
        let options = SandboxOptions {
            cursor_ttl: ttl,
            ..SandboxOptions::default()
        };
        let world = with_customers(world_with(options).await).await;
        let first = page(&world, &json!("")).await;
        world.manual.advance(second * 59);
        assert_eq!(code(&page(&world, &first["next_cursor"]).await), 0);
        world.manual.advance(second);
        let late = page(&world, &first["next_cursor"]).await;
        assert_eq!(code(&late), expected);
    }
}
