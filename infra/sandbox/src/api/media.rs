//! Uploading and reading media (WeCom docs 90253, 90254, 90256).

use serde_json::json;

use super::{Answer, Call, Refusal, Reply, fields};
use crate::model::{Media, MediaKind, is_jpeg, is_png};

const MIN_BYTES: usize = 5;
const MB: usize = 1024 * 1024;

/// A temporary medium, shared by all apps of the corp.
pub(super) fn upload(call: &mut Call<'_>) -> Answer {
    let kind = call
        .fields
        .text("type")?
        .and_then(MediaKind::parse)
        .ok_or(Refusal(40005))?;
    let upload = call.upload.ok_or(Refusal(41006))?;
    if upload.part != "media" {
        return Err(Refusal(41006));
    }
    let file_name = upload.file_name.clone().ok_or(Refusal(44001))?;
    let media = Media {
        kind,
        file_name,
        bytes: upload.bytes.clone(),
        uploaded: call.now,
    };
    check(&media)?;
    let media_id = call.ids.word("3", 63);
    call.corp.media.insert(media_id.clone(), media);
    let name = call.fields.required("type", 40005)?;
    // The time is a string here and a number elsewhere.
    fields(json!({"type": name, "media_id": media_id, "created_at": call.now_s().to_string()}))
}

/// A picture for good; its URL is shown only inside WeCom.
pub(super) fn upload_image(call: &mut Call<'_>) -> Answer {
    let upload = call.upload.ok_or(Refusal(41006))?;
    let media = Media {
        kind: MediaKind::Image,
        file_name: upload.file_name.clone().unwrap_or_default(),
        bytes: upload.bytes.clone(),
        uploaded: call.now,
    };
    if media.bytes.len() > 2 * MB {
        return Err(Refusal(40009));
    }
    check(&media)?;
    let name = call.ids.word("p", 40);
    let url = format!("{}/media/{name}", call.base);
    call.corp.pictures.insert(name, media);
    fields(json!({"url": url}))
}

pub(super) fn get(call: &mut Call<'_>) -> Answer {
    let media = call
        .corp
        .media
        .get(call.fields.required("media_id", 41006)?);
    let alive = media.filter(|media| media.is_alive(call.now, call.options.media_ttl));
    let media = alive.ok_or(Refusal(40007))?;
    Ok(Reply::File {
        content_type: media.content_type(),
        bytes: media.bytes.clone(),
    })
}

/// Size and format, each with the code of its kind.
fn check(media: &Media) -> Result<(), Refusal> {
    let size = media.bytes.len();
    if size <= MIN_BYTES {
        return Err(Refusal(40006));
    }
    let (most, code) = match media.kind {
        MediaKind::Image => (10 * MB, 40009),
        MediaKind::Voice => (2 * MB, 40006),
        MediaKind::Video => (10 * MB, 40011),
        MediaKind::File => (20 * MB, 40006),
    };
    if size > most {
        return Err(Refusal(code));
    }
    let is_picture = is_png(&media.bytes) || is_jpeg(&media.bytes);
    if media.kind == MediaKind::Image && !is_picture {
        return Err(Refusal(40004));
    }
    Ok(())
}
