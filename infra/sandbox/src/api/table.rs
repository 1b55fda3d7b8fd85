//! The table of all APIs.

use axum::http::Method;

use super::{
    Answer, Call, Claim, Refusal, acquisition, address_book, contact_way, customer, group, media,
    tag, welcome,
};

type Run = fn(&mut Call<'_>) -> Answer;
type Claiming = fn(&mut Call<'_>) -> Result<Claim, Refusal>;

/// One API.
pub(super) struct Api {
    /// The path below `/cgi-bin/`.
    pub(super) path: &'static str,
    pub(super) method: Method,
    /// The fields that it knows, in the body or, for a GET, in the query. Any other is noted as a warning.
    pub(super) fields: &'static [&'static str],
    pub(super) run: Run,
    /// What the call holds while it is under way, if calls about one record exclude each other.
    pub(super) claim: Option<Claiming>,
}

impl Api {
    pub(super) fn find(path: &str) -> Option<&'static Self> {
        APIS.iter().find(|api| api.path == path)
    }

    const fn get(path: &'static str, fields: &'static [&'static str], run: Run) -> Self {
        Self {
            path,
            method: Method::GET,
            fields,
            run,
            claim: None,
        }
    }

    const fn post(path: &'static str, fields: &'static [&'static str], run: Run) -> Self {
        Self {
            path,
            method: Method::POST,
            fields,
            run,
            claim: None,
        }
    }

    /// An API of which two calls about one record exclude each other.
    const fn claiming(mut self, claim: Claiming) -> Self {
        self.claim = Some(claim);
        self
    }
}

const WAY_FIELDS: &[&str] = &[
    "config_id",
    "type",
    "scene",
    "style",
    "remark",
    "skip_verify",
    "state",
    "user",
    "party",
    "is_temp",
    "is_exclusive",
    "mark_source",
];
const LINK_FIELDS: &[&str] = &[
    "link_id",
    "link_name",
    "range",
    "skip_verify",
    "priority_option",
    "mark_source",
];

/// Every API of the sandbox but `gettoken`, which alone needs no token.
static APIS: &[Api] = &[
    Api::post(
        "externalcontact/add_contact_way",
        WAY_FIELDS,
        contact_way::add,
    ),
    Api::post(
        "externalcontact/get_contact_way",
        &["config_id"],
        contact_way::get,
    ),
    Api::post(
        "externalcontact/list_contact_way",
        &["start_time", "end_time", "cursor", "limit"],
        contact_way::list,
    ),
    Api::post(
        "externalcontact/update_contact_way",
        WAY_FIELDS,
        contact_way::update,
    ),
    Api::post(
        "externalcontact/del_contact_way",
        &["config_id"],
        contact_way::delete,
    ),
    Api::post(
        "externalcontact/customer_acquisition/list_link",
        &["limit", "cursor"],
        acquisition::list,
    ),
    Api::post(
        "externalcontact/customer_acquisition/get",
        &["link_id"],
        acquisition::get,
    ),
    Api::post(
        "externalcontact/customer_acquisition/create_link",
        LINK_FIELDS,
        acquisition::create,
    ),
    Api::post(
        "externalcontact/customer_acquisition/update_link",
        LINK_FIELDS,
        acquisition::update,
    ),
    Api::post(
        "externalcontact/customer_acquisition/delete_link",
        &["link_id"],
        acquisition::delete,
    ),
    Api::post(
        "externalcontact/customer_acquisition/customer",
        &["link_id", "limit", "cursor"],
        acquisition::customers,
    ),
    Api::get(
        "externalcontact/customer_acquisition_quota",
        &[],
        acquisition::quota,
    ),
    Api::post(
        "externalcontact/groupchat/list",
        &["status_filter", "owner_filter", "cursor", "limit"],
        group::list,
    ),
    Api::post(
        "externalcontact/groupchat/get",
        &["chat_id", "need_name"],
        group::get,
    ),
    Api::post(
        "externalcontact/send_welcome_msg",
        &["welcome_code", "text", "attachments"],
        welcome::send,
    )
    .claiming(welcome::claim),
    Api::get(
        "externalcontact/get_follow_user_list",
        &[],
        customer::follow_users,
    ),
    Api::get("externalcontact/list", &["userid"], customer::list),
    Api::get(
        "externalcontact/get",
        &["external_userid", "cursor"],
        customer::get,
    ),
    Api::post(
        "externalcontact/batch/get_by_user",
        &["userid_list", "cursor", "limit"],
        customer::batch_get,
    ),
    Api::post(
        "externalcontact/remark",
        &[
            "userid",
            "external_userid",
            "remark",
            "description",
            "remark_company",
            "remark_mobiles",
            "remark_pic_mediaid",
        ],
        customer::remark,
    ),
    Api::post(
        "externalcontact/get_corp_tag_list",
        &["tag_id", "group_id"],
        tag::list,
    ),
    Api::post(
        "externalcontact/add_corp_tag",
        &["group_id", "group_name", "order", "tag", "agentid"],
        tag::add,
    ),
    Api::post(
        "externalcontact/edit_corp_tag",
        &["id", "name", "order", "agentid"],
        tag::edit,
    ),
    Api::post(
        "externalcontact/del_corp_tag",
        &["tag_id", "group_id", "agentid"],
        tag::delete,
    ),
    Api::post(
        "externalcontact/mark_tag",
        &["userid", "external_userid", "add_tag", "remove_tag"],
        tag::mark,
    )
    .claiming(tag::claim),
    Api::post("media/upload", &["type"], media::upload),
    Api::post("media/uploadimg", &[], media::upload_image),
    Api::get("media/get", &["media_id"], media::get),
    Api::get("get_api_domain_ip", &[], address_book::addresses),
    Api::get("getcallbackip", &[], address_book::addresses),
    Api::get("user/get", &["userid"], address_book::user),
    Api::get(
        "user/simplelist",
        &["department_id", "fetch_child"],
        address_book::users,
    ),
    Api::get(
        "department/simplelist",
        &["id"],
        address_book::department_ids,
    ),
    Api::get("department/list", &["id"], address_book::departments),
    Api::get("agent/get", &["agentid"], address_book::agent),
];
