//! The list: one row per event and change type, with WeCom's words and paths. A new event is a new row and a sample.

use super::table::{FieldList, events, kind_and_change};
use super::value::{CommaSeparated, FromFields, TagType};
use crate::fields::Fields;
use crate::id::{
    ChatId, CorpId, ExternalUserId, LinkId, MediaId, State, TagId, UserId, WelcomeCode,
};
use crate::private::Private;

events! {
    // Customer contact (WeCom doc 92130). Calls of the API do not come back as events.

    /// A member has a new customer, whoever of the two began.
    AddedExternalContact = "add_external_contact": "change_external_contact" "add_external_contact" {
        user_id: UserId = "UserID",
        external_user_id: ExternalUserId = "ExternalUserID",
        /// Absent if the customer came by no contact way or link.
        state: Option<State> = "State",
        /// Absent if the two already talk, the half add was welcomed, the console has a welcome message for the member,
        /// or the customer is a WeCom user.
        welcome_code: Option<WelcomeCode> = "WelcomeCode",
    }
    /// A customer added a member who takes everybody; the member has not confirmed. Calls about the pair answer
    /// `NOT_EXTERNAL_CONTACT` until then.
    AddedHalfExternalContact = "add_half_external_contact": "change_external_contact" "add_half_external_contact" {
        user_id: UserId = "UserID",
        external_user_id: ExternalUserId = "ExternalUserID",
        state: Option<State> = "State",
        welcome_code: Option<WelcomeCode> = "WelcomeCode",
    }
    /// A member changed remark, phone or tags by hand. What changed is not said.
    EditedExternalContact = "edit_external_contact": "change_external_contact" "edit_external_contact" {
        user_id: UserId = "UserID",
        external_user_id: ExternalUserId = "ExternalUserID",
    }
    /// The member deleted the customer; calls about the pair answer `NOT_EXTERNAL_CONTACT` from now on.
    DeletedExternalContact = "del_external_contact": "change_external_contact" "del_external_contact" {
        user_id: UserId = "UserID",
        external_user_id: ExternalUserId = "ExternalUserID",
        /// `DELETE_BY_TRANSFER` if a transfer on the job removed the customer.
        source: Option<String> = "Source",
    }
    /// The customer deleted or blocked the member. Calls about the pair still work.
    DeletedFollowUser = "del_follow_user": "change_external_contact" "del_follow_user" {
        user_id: UserId = "UserID",
        external_user_id: ExternalUserId = "ExternalUserID",
    }
    /// Taking over a customer failed; the member is the one who should have taken over.
    TransferFailed = "transfer_fail": "change_external_contact" "transfer_fail" {
        user_id: UserId = "UserID",
        external_user_id: ExternalUserId = "ExternalUserID",
        /// `customer_refused` or `customer_limit_exceed`.
        fail_reason: Option<String> = "FailReason",
    }
    /// The customer agreed to chat archiving (WeCom doc 92005); a welcome that was refused with
    /// `CHAT_ARCHIVE_NOT_AGREED` gets a new code.
    MsgAuditApproved = "msg_audit_approved": "change_external_contact" "msg_audit_approved" {
        user_id: UserId = "UserID",
        external_user_id: ExternalUserId = "ExternalUserID",
        welcome_code: Option<WelcomeCode> = "WelcomeCode",
    }

    // Customer groups (WeCom doc 92130).

    /// A customer group began.
    CreatedExternalChat = "change_external_chat.create": "change_external_chat" "create" {
        chat_id: ChatId = "ChatId",
    }
    /// A customer group changed. The group's details follow about 2 s behind.
    UpdatedExternalChat = "change_external_chat.update": "change_external_chat" "update" {
        chat_id: ChatId = "ChatId",
        /// `add_member`, `del_member`, `change_owner`, `change_name` or `change_notice`.
        update_detail: String = "UpdateDetail",
        /// When members came: 0 invited, 3 by the group's code.
        join_scene: Option<i64> = "JoinScene",
        /// When members went: 0 by themselves, 1 removed.
        quit_scene: Option<i64> = "QuitScene",
        mem_change_cnt: Option<u32> = "MemChangeCnt",
        /// Members' and customers' ids, mixed.
        mem_change_list: Vec<String> = "MemChangeList/Item",
        /// The change applies to this version of the member list; to any other, the list must be read again.
        last_mem_ver: Option<String> = "LastMemVer",
        cur_mem_ver: Option<String> = "CurMemVer",
    }
    /// A customer group was dissolved.
    DismissedExternalChat = "change_external_chat.dismiss": "change_external_chat" "dismiss" {
        chat_id: ChatId = "ChatId",
    }

    // Corp tags (WeCom doc 92130).

    /// A tag or tag group was made by hand.
    CreatedExternalTag = "change_external_tag.create": "change_external_tag" "create" {
        id: TagId = "Id",
        tag_type: TagType = "TagType",
        strategy_id: Option<String> = "StrategyId",
    }
    /// A tag or tag group was changed by hand.
    UpdatedExternalTag = "change_external_tag.update": "change_external_tag" "update" {
        id: TagId = "Id",
        tag_type: TagType = "TagType",
        strategy_id: Option<String> = "StrategyId",
    }
    /// A tag or tag group was deleted by hand. A group takes its tags along without events of their own.
    DeletedExternalTag = "change_external_tag.delete": "change_external_tag" "delete" {
        id: TagId = "Id",
        tag_type: TagType = "TagType",
        strategy_id: Option<String> = "StrategyId",
    }
    /// The order of tags changed.
    ShuffledExternalTags = "change_external_tag.shuffle": "change_external_tag" "shuffle" {
        /// The group; absent if all groups were ordered anew.
        id: Option<TagId> = "Id",
        strategy_id: Option<String> = "StrategyId",
    }

    // Customer acquisition links (WeCom doc 97299).

    /// Fewer than 20 uses are left.
    AcquisitionBalanceLow = "customer_acquisition.balance_low": "customer_acquisition" "balance_low" {}
    /// No use is left.
    AcquisitionBalanceExhausted = "customer_acquisition.balance_exhausted": "customer_acquisition" "balance_exhausted" {}
    /// There are uses again.
    AcquisitionBalanceIncreased = "customer_acquisition.balance_increased": "customer_acquisition" "balance_increased" {}
    /// Uses expire in 14, 7, 3, 2 or 1 days.
    AcquisitionQuotaExpiring = "customer_acquisition.quota_expire_soon": "customer_acquisition" "quota_expire_soon" {
        /// Unix seconds.
        expire_time: i64 = "ExpireTime",
        expire_quota_num: u64 = "ExpireQuotaNum",
    }
    /// No member of the link can add customers for now.
    AcquisitionLinkUnavailable = "customer_acquisition.link_unavailable": "customer_acquisition" "link_unavailable" {
        link_id: LinkId = "LinkId",
    }
    /// The link was deleted by hand.
    AcquisitionLinkDeleted = "customer_acquisition.delete_link": "customer_acquisition" "delete_link" {
        link_id: LinkId = "LinkId",
    }
    /// A customer opened a member's page by the link; some business categories only.
    AcquisitionProfileOpened = "customer_acquisition.open_profile": "customer_acquisition" "open_profile" {
        link_id: LinkId = "LinkId",
        state: Option<State> = "State",
    }
    /// A customer asked to be added by the link.
    AcquisitionFriendRequested = "customer_acquisition.friend_request": "customer_acquisition" "friend_request" {
        link_id: LinkId = "LinkId",
        state: Option<State> = "State",
    }
    /// A customer who came by the link wrote for the first time; WeChat users only.
    AcquisitionChatStarted = "customer_acquisition.customer_start_chat": "customer_acquisition" "customer_start_chat" {
        user_id: UserId = "UserID",
        external_user_id: ExternalUserId = "ExternalUserID",
        link_id: Option<LinkId> = "LinkId",
    }
    /// A customer wrote the 3rd, 5th or 10th message. Since 2024-12-19 only the key is sent.
    AcquisitionMessageReceived = "customer_acquisition.message_from_customer": "customer_acquisition" "message_from_customer" {
        link_id: Option<LinkId> = "LinkId",
        /// Good for 30 minutes at `get_chat_info`.
        chat_key: Option<Private> = "ChatKey",
        user_id: Option<UserId> = "UserID",
        external_user_id: Option<ExternalUserId> = "ExternalUserID",
        chat_seq: Option<u64> = "ChatSeq",
    }
    /// A provider's variant; fields unverified.
    AcquisitionServiceBalanceLow = "customer_acquisition.service_balance_low": "customer_acquisition" "service_balance_low" {}
    /// A provider's variant; fields unverified.
    AcquisitionServiceBalanceExhausted = "customer_acquisition.service_balance_exhausted": "customer_acquisition" "service_balance_exhausted" {}
    /// A provider's variant; fields unverified.
    AcquisitionServiceBalanceConsumed = "customer_acquisition.service_balance_consumed": "customer_acquisition" "service_balance_consumed" {}
    /// A provider's variant; fields unverified.
    AcquisitionPriceChanged = "customer_acquisition.change_price": "customer_acquisition" "change_price" {}
    /// A provider's event; name and fields unverified.
    AcquisitionPermitChanged = "customer_acquisition_permit_change": "customer_acquisition_permit_change" "" {}

    // Chat archive (WeCom doc 95039) and customer service (WeCom doc 94670).

    /// There are messages in the archive; at most one such event in 15 s.
    MsgAuditNotified = "msgaudit_notify": "msgaudit_notify" "" {}
    /// There are messages of customer service to fetch.
    KfMsgOrEvent = "kf_msg_or_event": "kf_msg_or_event" "" {
        /// Good for 10 minutes at `sync_msg`.
        token: Private = "Token",
        open_kf_id: String = "OpenKfId",
    }
    /// The customer service accounts of the app changed; fields unverified.
    KfAccountAuthChanged = "kf_account_auth_change": "kf_account_auth_change" "" {}

    // Address book (WeCom doc 90970): sent to the contact-sync assistant, not to an ordinary app.

    /// A member came. Callback addresses set since 2022-08-15 get the ids only.
    CreatedUser = "change_contact.create_user": "change_contact" "create_user" {
        user_id: UserId = "UserID",
        name: Option<Private> = "Name",
        department: CommaSeparated<String> = "Department",
        main_department: Option<u64> = "MainDepartment",
        is_leader_in_dept: CommaSeparated<String> = "IsLeaderInDept",
        direct_leader: CommaSeparated<UserId> = "DirectLeader",
        position: Option<String> = "Position",
        mobile: Option<Private> = "Mobile",
        gender: Option<i64> = "Gender",
        email: Option<Private> = "Email",
        biz_mail: Option<Private> = "BizMail",
        /// 1 active, 2 disabled, 4 not activated, 5 left.
        status: Option<i64> = "Status",
        avatar: Option<Private> = "Avatar",
        alias: Option<Private> = "Alias",
        telephone: Option<Private> = "Telephone",
        address: Option<Private> = "Address",
    }
    /// A member changed; only what changed is there.
    UpdatedUser = "change_contact.update_user": "change_contact" "update_user" {
        user_id: UserId = "UserID",
        /// If the userid itself changed.
        new_user_id: Option<UserId> = "NewUserID",
        name: Option<Private> = "Name",
        department: CommaSeparated<String> = "Department",
        main_department: Option<u64> = "MainDepartment",
        is_leader_in_dept: CommaSeparated<String> = "IsLeaderInDept",
        direct_leader: CommaSeparated<UserId> = "DirectLeader",
        position: Option<String> = "Position",
        mobile: Option<Private> = "Mobile",
        gender: Option<i64> = "Gender",
        email: Option<Private> = "Email",
        biz_mail: Option<Private> = "BizMail",
        status: Option<i64> = "Status",
        avatar: Option<Private> = "Avatar",
        alias: Option<Private> = "Alias",
        telephone: Option<Private> = "Telephone",
        address: Option<Private> = "Address",
    }
    /// A member left the address book.
    DeletedUser = "change_contact.delete_user": "change_contact" "delete_user" {
        user_id: UserId = "UserID",
    }
    /// A department came.
    CreatedParty = "change_contact.create_party": "change_contact" "create_party" {
        id: u64 = "Id",
        name: Option<String> = "Name",
        parent_id: Option<u64> = "ParentId",
        order: Option<u64> = "Order",
    }
    /// A department changed.
    UpdatedParty = "change_contact.update_party": "change_contact" "update_party" {
        id: u64 = "Id",
        name: Option<String> = "Name",
        parent_id: Option<u64> = "ParentId",
    }
    /// A department went.
    DeletedParty = "change_contact.delete_party": "change_contact" "delete_party" {
        id: u64 = "Id",
    }
    /// Who has a member tag changed.
    UpdatedUserTag = "change_contact.update_tag": "change_contact" "update_tag" {
        tag_id: u64 = "TagId",
        add_user_items: CommaSeparated<UserId> = "AddUserItems",
        del_user_items: CommaSeparated<UserId> = "DelUserItems",
        add_party_items: CommaSeparated<String> = "AddPartyItems",
        del_party_items: CommaSeparated<String> = "DelPartyItems",
    }

    // Jobs.

    /// An address book job ended (WeCom doc 90970).
    BatchJobFinished = "batch_job_result": "batch_job_result" "" {
        job_id: String = "BatchJob/JobId",
        /// `sync_user`, `replace_user`, `invite_user`, `replace_party` (partly unverified).
        job_type: Option<String> = "BatchJob/JobType",
        err_code: Option<i64> = "BatchJob/ErrCode",
        err_msg: Option<String> = "BatchJob/ErrMsg",
    }
    /// An upload by URL ended (WeCom doc 96219).
    UploadMediaJobFinished = "upload_media_job_finish": "upload_media_job_finish" "" {
        job_id: String = "JobId",
    }

    // What members do in an app (WeCom doc 90240).

    /// A member got the app.
    Subscribed = "subscribe": "subscribe" "" {
        user_id: UserId = "FromUserName",
    }
    /// A member lost the app.
    Unsubscribed = "unsubscribe": "unsubscribe" "" {
        user_id: UserId = "FromUserName",
    }
    /// A member opened the app.
    EnteredAgent = "enter_agent": "enter_agent" "" {
        user_id: UserId = "FromUserName",
        event_key: Option<String> = "EventKey",
    }
    /// A member chose a menu item.
    ClickedMenu = "click": "click" "" {
        user_id: UserId = "FromUserName",
        event_key: Option<String> = "EventKey",
    }
    /// A member followed a menu link.
    ViewedMenu = "view": "view" "" {
        user_id: UserId = "FromUserName",
        event_key: Option<String> = "EventKey",
    }
    /// The client reported where a member is.
    LocationReported = "location_report": "LOCATION" "" {
        user_id: UserId = "FromUserName",
        latitude: Private = "Latitude",
        longitude: Private = "Longitude",
        precision: Option<String> = "Precision",
        app_type: Option<String> = "AppType",
    }
    /// A member used a template card. Questions and options are in order; the fields keep which belongs to which.
    TemplateCardUsed = "template_card_event": "template_card_event" "" {
        user_id: UserId = "FromUserName",
        event_key: Option<String> = "EventKey",
        task_id: String = "TaskId",
        card_type: Option<String> = "CardType",
        /// The right to change the card once.
        response_code: Option<Private> = "ResponseCode",
        question_keys: Vec<String> = "SelectedItems/SelectedItem/QuestionKey",
        option_ids: Vec<String> = "SelectedItems/SelectedItem/OptionIds/OptionId",
    }
    /// A member switched the workbench; fields unverified.
    WorkbenchModeSwitched = "switch_workbench_mode": "switch_workbench_mode" "" {}
    /// An app is shared with other companies; fields unverified.
    AgentShareChanged = "share_agent_change": "share_agent_change" "" {}
    /// An approval moved on; fields unverified.
    ApprovalChanged = "open_approval_change": "open_approval_change" "" {}

    /// A member wrote a text.
    TextReceived = "message.text": "message" "text" {
        user_id: UserId = "FromUserName",
        content: Private = "Content",
        msg_id: String = "MsgId",
    }
    /// A member sent an image.
    ImageReceived = "message.image": "message" "image" {
        user_id: UserId = "FromUserName",
        pic_url: Private = "PicUrl",
        media_id: MediaId = "MediaId",
        msg_id: String = "MsgId",
    }
    /// A member spoke.
    VoiceReceived = "message.voice": "message" "voice" {
        user_id: UserId = "FromUserName",
        media_id: MediaId = "MediaId",
        format: Option<String> = "Format",
        msg_id: String = "MsgId",
    }
    /// A member sent a video.
    VideoReceived = "message.video": "message" "video" {
        user_id: UserId = "FromUserName",
        media_id: MediaId = "MediaId",
        thumb_media_id: Option<MediaId> = "ThumbMediaId",
        msg_id: String = "MsgId",
    }
    /// A member sent a place.
    LocationReceived = "message.location": "message" "location" {
        user_id: UserId = "FromUserName",
        /// Latitude.
        location_x: Private = "Location_X",
        /// Longitude.
        location_y: Private = "Location_Y",
        scale: Option<String> = "Scale",
        label: Option<Private> = "Label",
        msg_id: String = "MsgId",
    }
    /// A member sent a link.
    LinkReceived = "message.link": "message" "link" {
        user_id: UserId = "FromUserName",
        title: Option<Private> = "Title",
        description: Option<Private> = "Description",
        url: Option<Private> = "Url",
        pic_url: Option<Private> = "PicUrl",
        msg_id: String = "MsgId",
    }

    // Commands of a third-party suite.

    /// The ticket of the suite, about every 10 minutes.
    SuiteTicketReceived = "suite_ticket": "suite_ticket" "" {
        suite_ticket: Private = "SuiteTicket",
    }
    /// A company took the suite.
    CreatedAuth = "create_auth": "create_auth" "" {
        auth_code: Private = "AuthCode",
    }
    /// A company changed what the suite may do.
    ChangedAuth = "change_auth": "change_auth" "" {
        auth_corp_id: CorpId = "AuthCorpId",
    }
    /// A company gave the suite up.
    CancelledAuth = "cancel_auth": "cancel_auth" "" {
        auth_corp_id: CorpId = "AuthCorpId",
    }
}
