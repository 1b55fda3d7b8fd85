//! Sample data for a sandbox that is served without the demo: something to scan at once.

use serde_json::json;
use wecom_sandbox::Corp;

use crate::operator::Operator;

/// Makes tags, a default welcome and two channels in `corp`, through the console and the admin API like anybody else.
///
/// # Errors
/// A sentence about what was refused.
pub async fn make(corp: &Corp, operator: &Operator) -> Result<(), String> {
    let tags = corp
        .console_creates_tags("来源", &["展会", "官网"])
        .map_err(|error| error.to_string())?;
    let welcome = json!({"corp": {"text": "您好，很高兴认识您！"}});
    operator.put("welcome", &welcome).await?;
    for (at, name) in ["上海展会", "官网客服"].into_iter().enumerate() {
        let channel = json!({
            "name": name,
            "users": ["zhangsan", "lisi"],
            "tag_ids": tags.tag_ids.get(at).into_iter().collect::<Vec<_>>(),
            "remark": "{customer}",
            "welcome": {
                "text": "{customer}您好，我是{member}，欢迎您从{channel}来！",
                "attachments": [{"msgtype": "link", "link": {
                    "title": "产品手册", "desc": "三分钟了解我们", "url": "https://example.com/brochure"}}],
            },
        });
        let (status, answer) = operator.post("channels", &channel).await?;
        if status != 201 {
            return Err(format!(
                "the sample channel {name} was refused with {status}: {answer}"
            ));
        }
    }
    Ok(())
}
