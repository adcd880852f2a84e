"""Blocks as text: what a person reads, without colours and boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack import mrkdwn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sandbox.slack.mrkdwn import Names

Block = dict[str, Any]


def message_text(text: str, blocks: list[Block], files: list[str], names: Names) -> str:
    """A whole message. With blocks, `text` is only for notifications and is not shown."""
    content = blocks_text(blocks, names) if blocks else mrkdwn.readable(text, names)
    return "\n".join([*([content] if content else []), *(f"[file] {name}" for name in files)])


def blocks_text(blocks: list[Block], names: Names) -> str:
    """All blocks, one under the other."""
    return "\n".join(line for block in blocks for line in _block(block, names))


STARTS = (
    "initial_value",
    "initial_user",
    "initial_conversation",
    "initial_channel",
    "initial_date",
    "initial_time",
    "initial_date_time",
)


def button_texts(blocks: list[Block]) -> list[str]:
    """The visible texts of all buttons, in order."""
    return [element["text"]["text"] for element in elements(blocks) if element["type"] == "button"]


def elements(blocks: list[Block]) -> Iterator[Block]:
    """Every interactive element of the blocks, each with its `block_id` beside its own fields."""
    for block in blocks:
        inside = [block.get("accessory"), block.get("element")]
        if block["type"] in {"actions", "context_actions"}:
            inside += block["elements"]
        for element in inside:
            if element is not None and "action_id" in element:
                yield {**element, "block_id": block["block_id"]}


def _block(block: Block, names: Names) -> list[str]:
    return list(_RENDERERS[block["type"]](block, names))


def _input(block: Block, names: Names) -> Iterator[str]:
    yield f"{block['label']['text']}: {_element(block['element'], names)}"
    if "hint" in block:
        yield block["hint"]["text"]


def _section(block: Block, names: Names) -> Iterator[str]:
    lines = [_text(text, names) for text in [block.get("text"), *block.get("fields", ())] if text is not None]
    if "accessory" in block and lines:
        lines[0] = f"{lines[0]} {_element(block['accessory'], names)}"
    yield from lines


def _text(element: Block, names: Names) -> str:
    if element["type"] == "image":
        return f"[image: {element['alt_text']}]"
    return element["text"] if element["type"] == "plain_text" else mrkdwn.readable(element["text"], names)


def _element(element: Block, names: Names) -> str:
    match element["type"]:
        case "button":
            return f"[{element['text']['text']}]"
        case "image":
            return _text(element, names)
        case "overflow":
            return "[…]"
        case "icon_button":
            return f"[{element['text']['text']}]"
        case "feedback_buttons":
            return " ".join(f"[{element[name]['text']['text']}]" for name in ("positive_button", "negative_button"))
        case "checkboxes" | "radio_buttons":
            return " ".join(f"( ) {_text(option['text'], names)}" for option in element["options"])
        case _:
            return f"[{_selection(element)} v]" if "select" in element["type"] else f"[{_selection(element)}]"


def _selection(element: Block) -> str:
    initial = element.get("initial_option")
    if initial is not None:
        return str(initial["text"]["text"])
    for key in STARTS:
        if key in element:
            return str(element[key])
    return str(element.get("placeholder", {}).get("text", ""))


def _table(block: Block, names: Names) -> Iterator[str]:
    rows = [[_cell(cell, names) for cell in row] for row in block["rows"]]
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(max(map(len, rows)))]
    for row in rows:
        yield " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()


def _container(block: Block, names: Names) -> Iterator[str]:
    yield f"[{'folded' if block.get('default_collapsed') else 'open'}] {block['title']['text']}"
    yield from (f"  {line}" for line in blocks_text(block["child_blocks"], names).splitlines())


def _cell(cell: Block, names: Names) -> str:
    if cell["type"] == "raw_number":
        return str(cell.get("text", cell["value"]))
    return cell["text"] if cell["type"] == "raw_text" else rich_text(cell, names).replace("\n", " ")


def rich_text(block: Block, names: Names) -> str:
    """A rich_text block: sections, lists with their bullets, quotes and preformatted text."""
    return "\n".join(line for part in block["elements"] for line in _rich_part(part, names))


def _rich_part(part: Block, names: Names) -> Iterator[str]:
    if part["type"] == "rich_text_list":
        for number, item in enumerate(part["elements"], start=1 + part.get("offset", 0)):
            bullet = f"{number}." if part["style"] == "ordered" else "•"
            yield f"{'  ' * part.get('indent', 0)}{bullet} {''.join(_rich_run(element, names) for element in item['elements'])}"
        return
    text = "".join(_rich_run(element, names) for element in part["elements"])
    yield f"> {text}" if part["type"] == "rich_text_quote" else text


def _rich_run(run: Block, names: Names) -> str:
    match run["type"]:
        case "text":
            return str(run["text"])
        case "link":
            return str(run.get("text", run["url"]))
        case "user":
            return f"@{names.user_name(run['user_id']) or run['user_id']}"
        case "channel":
            return f"#{names.channel_name(run['channel_id']) or run['channel_id']}"
        case "usergroup":
            return f"@{names.usergroup_handle(run['usergroup_id']) or run['usergroup_id']}"
        case "broadcast":
            return f"@{run['range']}"
        case "emoji":
            return f":{run['name']}:"
        case _:
            return str(run.get("fallback", run.get("value", "")))


_RENDERERS: dict[str, Callable[[Block, Names], Iterable[str]]] = {
    "header": lambda block, _: [block["text"]["text"]],
    "section": _section,
    "context": lambda block, names: ["  ".join(_text(element, names) for element in block["elements"])],
    "divider": lambda _block, _names: ["-" * 20],
    "actions": lambda block, names: [" ".join(_element(element, names) for element in block["elements"])],
    "input": _input,
    "markdown": lambda block, _: [block["text"]],
    "rich_text": lambda block, names: [rich_text(block, names)],
    "table": _table,
    "data_table": _table,
    "container": _container,
    "alert": lambda block, names: [f"[{block.get('level', 'default')}] {_text(block['text'], names)}"],
    "image": lambda block, _: [f"[image: {block['alt_text']}]"],
    "video": lambda block, _: [f"[video: {block['title']['text']}]"],
    "context_actions": lambda block, names: [" ".join(_element(element, names) for element in block["elements"])],
}
