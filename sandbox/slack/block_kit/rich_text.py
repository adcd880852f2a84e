"""The rich_text block and the runs of text in it."""

from __future__ import annotations

from sandbox.slack.block_kit.objects import CONVERSATION, IDENTIFIER, USER, USERGROUP
from sandbox.slack.block_kit.rules import among, array, boolean, by_type, integer, shape, string, untyped, url

_STYLE = untyped({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))
_MENTION_STYLE = untyped(
    {}, dict.fromkeys(("bold", "italic", "strike", "highlight", "client_highlight", "unlink"), boolean)
)
_STYLED = {"style": _STYLE}
_MANY = 3000

RUN = by_type(
    {
        "text": shape({"text": string(40_000)}, _STYLED),
        "link": shape({"url": url}, {**_STYLED, "text": string(_MANY, least=0), "unsafe": boolean}),
        "emoji": shape({"name": string(255)}, {**_STYLED, "unicode": string(255)}),
        "user": shape({"user_id": USER}, {"style": _MENTION_STYLE}),
        "channel": shape({"channel_id": CONVERSATION}, {"style": _MENTION_STYLE}),
        "usergroup": shape({"usergroup_id": USERGROUP}, {"style": _MENTION_STYLE}),
        "broadcast": shape({"range": among("here", "channel", "everyone")}, _STYLED),
        "color": shape({"value": string(255)}, _STYLED),
        "date": shape(
            {"timestamp": integer(0, 1 << 40), "format": string(255)}, {**_STYLED, "url": url, "fallback": string(255)}
        ),
    }
)
_PREFORMATTED_RUN = by_type(
    {
        "text": shape({"text": string(40_000)}, _STYLED),
        "link": shape({"url": url}, {**_STYLED, "text": string(_MANY, least=0), "unsafe": boolean}),
    }
)

SECTION = shape({"elements": array(RUN, _MANY)}, {})
_BORDER = {"border": integer(0, 1)}

PART = by_type(
    {
        "rich_text_section": SECTION,
        "rich_text_list": shape(
            {"style": among("bullet", "ordered"), "elements": array(by_type({"rich_text_section": SECTION}), _MANY)},
            {**_BORDER, "indent": integer(0, 8), "offset": integer(0, 10_000)},
        ),
        "rich_text_preformatted": shape(
            {"elements": array(_PREFORMATTED_RUN, _MANY)}, {**_BORDER, "language": string(255)}
        ),
        "rich_text_quote": shape({"elements": array(RUN, _MANY)}, _BORDER),
    }
)

RICH_TEXT = shape({"elements": array(PART, _MANY)}, {"block_id": IDENTIFIER})
