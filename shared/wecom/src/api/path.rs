//! The paths of the API, without `/cgi-bin/`. They name the APIs also in errors, quotas, metrics and logs.

macro_rules! paths {
    ($($name:ident = $path:literal;)*) => {
        $(
            #[doc = concat!("`", $path, "`.")]
            pub const $name: &str = $path;
        )*
    };
}

paths! {
    GET_TOKEN = "gettoken";
    GET_API_DOMAIN_IP = "get_api_domain_ip";
    GET_CALLBACK_IP = "getcallbackip";
    GET_AGENT = "agent/get";
    LIST_DEPARTMENT_IDS = "department/simplelist";
    LIST_DEPARTMENTS = "department/list";
    GET_USER = "user/get";
    LIST_USERS = "user/simplelist";
    LIST_USER_IDS = "user/list_id";
    GET_FOLLOW_USER_LIST = "externalcontact/get_follow_user_list";
    LIST_EXTERNAL_CONTACTS = "externalcontact/list";
    GET_EXTERNAL_CONTACT = "externalcontact/get";
    BATCH_GET_BY_USER = "externalcontact/batch/get_by_user";
    REMARK = "externalcontact/remark";
    CONTACT_LIST = "externalcontact/contact_list";
    ADD_CONTACT_WAY = "externalcontact/add_contact_way";
    GET_CONTACT_WAY = "externalcontact/get_contact_way";
    LIST_CONTACT_WAY = "externalcontact/list_contact_way";
    UPDATE_CONTACT_WAY = "externalcontact/update_contact_way";
    DEL_CONTACT_WAY = "externalcontact/del_contact_way";
    CLOSE_TEMP_CHAT = "externalcontact/close_temp_chat";
    LIST_GROUPS = "externalcontact/groupchat/list";
    GET_GROUP = "externalcontact/groupchat/get";
    UPLOAD_MEDIA = "media/upload";
    UPLOAD_IMAGE = "media/uploadimg";
    GET_CORP_TAG_LIST = "externalcontact/get_corp_tag_list";
    ADD_CORP_TAG = "externalcontact/add_corp_tag";
    EDIT_CORP_TAG = "externalcontact/edit_corp_tag";
    DEL_CORP_TAG = "externalcontact/del_corp_tag";
    MARK_TAG = "externalcontact/mark_tag";
    SEND_WELCOME_MSG = "externalcontact/send_welcome_msg";
    CREATE_LINK = "externalcontact/customer_acquisition/create_link";
    UPDATE_LINK = "externalcontact/customer_acquisition/update_link";
    GET_LINK = "externalcontact/customer_acquisition/get";
    DELETE_LINK = "externalcontact/customer_acquisition/delete_link";
    LIST_LINK = "externalcontact/customer_acquisition/list_link";
    LINK_CUSTOMERS = "externalcontact/customer_acquisition/customer";
    ACQUISITION_QUOTA = "externalcontact/customer_acquisition_quota";
    ACQUISITION_STATISTIC = "externalcontact/customer_acquisition/statistic";
    GET_CHAT_INFO = "externalcontact/customer_acquisition/get_chat_info";
}
