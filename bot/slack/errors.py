"""Slack's error codes: what passes by itself, what does not, and what helps instead.

Source: the error tables of the methods that the bot calls, docs.slack.dev/reference/methods, read in August 2026;
the codes of the upload of a file's bytes and of views' arguments as apps met them.
"""

from __future__ import annotations

from enum import StrEnum

NO_ANSWER = "no_answer"  # ours: Slack was not reached, or answered with something else than JSON


class Verdict(StrEnum):
    """What an error code means for what was to be sent. Only PASSES and UNKNOWN may be tried again as they are."""

    PASSES = "passes"
    CONTENT = "content"  # other content may be taken: plain text, less of it
    MESSAGE = "message"  # this message cannot be changed; the channel takes a new one
    CHANNEL = "channel"  # this channel takes nothing from the bot; another one does
    VIEW = "view"  # this window is closed, or was replaced; a person opens another
    ACCESS = "access"  # the app, its token or the workspace's plan: somebody has to change a setting
    REQUEST = "request"  # the request is wrong or names what is not there; no other form of it is right
    UNKNOWN = "unknown"  # a code that this version does not know


_CODES = {
    Verdict.PASSES: """
        no_answer ratelimited rate_limited internal_error fatal_error service_unavailable request_timeout
        team_added_to_org external_channel_migrating update_failed file_update_failed streaming_state_conflict
        list_record_comment_fetch_failed message_limit_exceeded too_many_websockets
    """,
    Verdict.CONTENT: """
        invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long no_text invalid_attachments
        too_many_attachments attachment_payload_limit_exceeded block_mismatch markdown_text_conflict
        too_many_contact_cards invalid_metadata_format invalid_metadata_schema metadata_too_large
        invalid_arguments invalid_array_arg invalid_arg_name invalid_charset invalid_form_data invalid_json
        json_not_object invalid_payload invalid_url view_too_large missing_file_data file_not_found file_deleted file_is_deleted
        file_share_limit_reached max_file_sharing_exceeded unable_to_share_files blocked_file_type
        slack_connect_blocked_file_type slack_connect_canvas_sharing_blocked slack_connect_clip_sharing_blocked
        slack_connect_file_link_sharing_blocked slack_connect_file_upload_sharing_blocked
        slack_connect_lists_sharing_blocked cant_broadcast_message no_dual_broadcast_content_update
    """,
    Verdict.MESSAGE: """
        message_not_found cant_update_message edit_window_closed thread_not_found cannot_reply_to_message
        invalid_thread_ts restricted_action_thread_locked restricted_action_non_threadable_channel
    """,
    Verdict.CHANNEL: """
        channel_not_found not_in_channel is_archived is_inactive restricted_action restricted_action_read_only_channel
        restricted_action_thread_only_channel posting_to_channel_denied channel_is_limited_access invalid_channel
        channels_limit_exceeded too_many_members method_not_supported_for_channel_type messages_tab_disabled
        user_not_in_channel
    """,
    Verdict.VIEW: """
        not_found hash_conflict expired_trigger_id exchanged_trigger_id invalid_trigger_id duplicate_external_id
        push_limit_reached
    """,
    Verdict.ACCESS: """
        invalid_auth not_authed account_inactive token_revoked token_expired missing_scope no_permission
        not_allowed_token_type org_login_required ekm_access_denied enterprise_is_restricted access_denied
        app_access_restricted accesslimited team_access_not_granted forbidden_team team_not_found invalid_team two_factor_setup_required
        plan_upgrade_required upgrade_required upgrade_require not_enabled not_implemented is_bot user_is_bot
        user_is_restricted user_is_ultra_restricted as_user_not_supported send_on_behalf_not_allowed
        metadata_must_be_sent_from_app storage_limit_reached file_uploads_disabled
        file_uploads_except_images_disabled file_type_not_allowed
    """,
    Verdict.REQUEST: """
        no_such_subteam bot_not_found users_not_found user_not_found user_not_visible user_disabled missing_profile_id
        too_many_users not_enough_users users_list_not_supplied invalid_user_combination
        invalid_post_type missing_post_type missing_charset superfluous_charset deprecated_endpoint method_deprecated
        unknown_method insecure_request missing_args missing_argument invalid_cursor invalid_limit invalid_types invalid_ts_latest invalid_ts_oldest
        invalid_metadata_filter_keys alt_txt_too_large file_upload_size_restricted snippet_too_large
        unknown_snippet_type unknown_subtype draft_already_deleted draft_already_sent draft_has_conflict
        draft_not_found duplicate_channel_not_found duplicate_message_not_found expired_url used_url already_reacted
        no_reaction invalid_name bad_timestamp not_reactable no_access no_item_specified thread_locked too_many_emoji
        too_many_reactions file_comment_not_found
    """,
}
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes.split()}


def verdict(code: str) -> Verdict:
    """What Slack's error means; further words after the code ("invalid_blocks must be ...") are details of it."""
    word = code.partition(" ")[0]
    if word in _VERDICTS:
        return _VERDICTS[word]
    return Verdict.CONTENT if word.startswith("invalid_blocks") else Verdict.UNKNOWN
