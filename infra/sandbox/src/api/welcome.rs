//! The welcome message (WeCom doc 92137): a code lives 20 s and works once.

use serde_json::{Map, Value};

use super::{Answer, Call, Claim, Fields, Refusal, done};
use crate::model::{Body, CorpState, Media, MediaKind, Pair, Sender, Welcomed, moment};

const MAX_ATTACHMENTS: usize = 9;
const MAX_TEXT_BYTES: usize = 4000;

/// Decides who may welcome, at the moment the call arrives. Which of 41050 and 41051 a spent code gets is a matter of
/// its age: once it is too old it is invalid whatever became of it.
pub(super) fn claim(call: &mut Call<'_>) -> Result<Claim, Refusal> {
    let code = call.fields.required("welcome_code", 41049)?;
    let alive = |issued| moment::between(issued, call.now) < call.options.welcome_ttl;
    let code = call.corp.welcome_codes.get(code);
    let code = code
        .filter(|code| code.app == call.app && alive(code.issued))
        .ok_or(Refusal(41050))?;
    let relation = call
        .corp
        .relations
        .get_mut(&code.pair)
        .ok_or(Refusal(41050))?;
    if relation.added != code.added {
        return Err(Refusal(41050));
    }
    match relation.welcomed {
        _ if relation.chatting => Err(Refusal(41051)),
        Welcomed::Done => Err(Refusal(41051)),
        Welcomed::Sending => Err(Refusal(41096)),
        Welcomed::Elsewhere { until, .. } if call.now < until => Err(Refusal(41096)),
        Welcomed::Elsewhere { delivers: true, .. } => Err(Refusal(41051)),
        Welcomed::Elsewhere { .. } | Welcomed::NotYet => {
            relation.welcomed = Welcomed::Sending;
            Ok(Claim::Welcome(code.pair.clone()))
        }
    }
}

/// A call that ends without success leaves the code unspent.
pub(super) fn release(corp: &mut CorpState, pair: &Pair) {
    if let Some(relation) = corp.relations.get_mut(pair)
        && matches!(relation.welcomed, Welcomed::Sending)
    {
        relation.welcomed = Welcomed::NotYet;
    }
}

/// Puts the messages into the chat. The code was found good when the call arrived.
pub(super) fn send(call: &mut Call<'_>) -> Answer {
    let messages = read_messages(call)?;
    let code = call.fields.required("welcome_code", 41049)?;
    let code = call.corp.welcome_codes.get(code).ok_or(Refusal(41050))?;
    let relation = call
        .corp
        .relations
        .get_mut(&code.pair)
        .ok_or(Refusal(41050))?;
    relation.welcomed = Welcomed::Done;
    for body in messages {
        relation.say(Sender::App(call.app.to_owned()), body, call.now);
    }
    done()
}

fn read_messages(call: &Call<'_>) -> Result<Vec<Body>, Refusal> {
    let mut messages = Vec::new();
    if let Some(text) = call.fields.object("text")? {
        let content = text.max_bytes("content", MAX_TEXT_BYTES)?.to_owned();
        if !content.is_empty() {
            messages.push(Body::Text { content });
        }
    }
    let attachments = call
        .fields
        .array("attachments")?
        .map(Vec::as_slice)
        .unwrap_or_default();
    if attachments.len() > MAX_ATTACHMENTS {
        return Err(Refusal(41064));
    }
    for attachment in attachments {
        let attachment = attachment.as_object().ok_or(Refusal(40035))?;
        messages.push(read_attachment(call, attachment)?);
    }
    if messages.is_empty() {
        return Err(Refusal(40063));
    }
    Ok(messages)
}

fn read_attachment(call: &Call<'_>, attachment: &Map<String, Value>) -> Result<Body, Refusal> {
    let attachment = Fields(attachment);
    let kind = attachment.required("msgtype", 40063)?;
    if !["image", "link", "miniprogram", "video", "file"].contains(&kind) {
        return Err(Refusal(41065));
    }
    let body = attachment.object(kind)?.ok_or(Refusal(40063))?;
    match kind {
        "image" => image(call, body),
        "link" => link(body),
        "miniprogram" => miniprogram(call, body),
        "video" => Ok(Body::Video {
            name: media(call, body, "media_id", MediaKind::Video)?
                .file_name
                .clone(),
        }),
        _ => Ok(Body::File {
            name: media(call, body, "media_id", MediaKind::File)?
                .file_name
                .clone(),
        }),
    }
}

/// With both a media id and a URL the media id wins. A URL must be one of `uploadimg`; the code for any other is
/// unverified.
fn image(call: &Call<'_>, body: Fields<'_>) -> Result<Body, Refusal> {
    if let Some(media_id) = body.text("media_id")?.filter(|id| !id.is_empty()) {
        media(call, body, "media_id", MediaKind::Image)?;
        return Ok(Body::Image {
            url: format!("media/{media_id}"),
        });
    }
    let url = body.required("pic_url", 40063)?;
    let name = url.rsplit('/').next().unwrap_or_default();
    if !call.corp.pictures.contains_key(name) {
        return Err(Refusal(40035));
    }
    Ok(Body::Image {
        url: format!("media/{name}"),
    })
}

fn link(body: Fields<'_>) -> Result<Body, Refusal> {
    body.required("title", 40063)?;
    Ok(Body::Link {
        title: body.max_bytes("title", 128)?.to_owned(),
        desc: body.max_bytes("desc", 512)?.to_owned(),
        url: body.required("url", 40063)?.to_owned(),
        picurl: body.text("picurl")?.unwrap_or_default().to_owned(),
    })
}

fn miniprogram(call: &Call<'_>, body: Fields<'_>) -> Result<Body, Refusal> {
    body.required("title", 40063)?;
    media(call, body, "pic_media_id", MediaKind::Image)?;
    Ok(Body::Miniprogram {
        title: body.max_bytes("title", 64)?.to_owned(),
        appid: body.required("appid", 40063)?.to_owned(),
        page: body.required("page", 40063)?.to_owned(),
        picurl: format!("media/{}", body.required("pic_media_id", 40063)?),
    })
}

/// A temporary medium of the right kind that has not expired.
fn media<'a>(
    call: &'a Call<'_>,
    body: Fields<'_>,
    name: &str,
    kind: MediaKind,
) -> Result<&'a Media, Refusal> {
    let media_id = body.required(name, 40063)?;
    let media = call
        .corp
        .media
        .get(media_id)
        .filter(|media| media.kind == kind);
    let alive = media.filter(|media| media.is_alive(call.now, call.options.media_ttl));
    alive.ok_or(Refusal(40007))
}
