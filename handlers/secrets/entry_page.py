"""The page on which a person enters a value: plain HTML without a script, for keyboards and screen readers."""

from __future__ import annotations

import hashlib
from html import escape

LARGEST = 64 << 10  # bytes of a value
STYLE = (
    "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#1d1c1d;background:#fff}"
    "label{display:block;font-weight:600;margin-top:1.5rem}"
    "textarea{width:100%;box-sizing:border-box;min-height:8rem;font:1rem/1.4 ui-monospace,monospace;padding:.5rem;"
    "border:1px solid #616061;border-radius:.3rem}"
    "button{font:inherit;font-weight:600;margin-top:1rem;padding:.6rem 1.4rem;border:0;border-radius:.3rem;"
    "background:#0b6b50;color:#fff}"
    ":focus-visible{outline:3px solid #1264a3;outline-offset:2px}"
    ".problem{border-left:.3rem solid #b3261e;padding:.3rem .8rem;background:#fceeee}"
    "h1{font-size:1.6rem}h1,dd,p{overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .5rem}p.hint{color:#474647;margin:.3rem 0}"
)


def form(token: str, name: str, environment: str, place: str, problem: str = "") -> str:
    """The form; `problem` says why the last value was not taken."""
    alert = f'<p class="problem" role="alert" id="problem">{escape(problem)}</p>' if problem else ""
    described = "problem hint" if problem else "hint"
    invalid = ' aria-invalid="true"' if problem else ""
    return _page(
        f"Set {name}",
        f"""{alert}<dl><dt>Secret</dt><dd>{escape(name)}</dd><dt>Environment</dt><dd>{escape(environment)}</dd>
<dt>Stored in</dt><dd>{escape(place)}</dd></dl>
<form method="post" autocomplete="off">
<input type="hidden" name="form" value="{escape(form_token(token))}">
<label for="value">Value</label>
<p class="hint" id="hint">Several lines are kept as they are. At most 64 kB. The value is sent to its place and not stored by Signalbox.</p>
<textarea id="value" name="value" required autofocus autocomplete="off" autocapitalize="off" spellcheck="false"
 aria-describedby="{described}"{invalid}></textarea>
<button type="submit">Store the value</button>
</form>""",
    )


def stored(name: str, environment: str, place: str) -> str:
    """It was stored."""
    words = f"{escape(name)} of {escape(environment)} is stored in {escape(place)}. You can close this page."
    return _page("Stored", f'<p role="status">{words}</p>')


def failed(problem: str, remedy: str) -> str:
    """It was not stored, and the link is used up."""
    again = "Press the button in Slack again for a new link."
    return _page("Not stored", f'<p class="problem" role="alert">{escape(problem)} {escape(remedy)}</p><p>{again}</p>')


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} - Signalbox</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def form_token(token: str) -> str:
    """What the form has to send back: only who has opened the page knows it."""
    return hashlib.sha256(f"form of {token}".encode()).hexdigest()


def normalized(value: str) -> str:
    """The value as entered: browsers send line breaks as CRLF, and a single line has none at its end."""
    text = value.replace("\r\n", "\n")
    return text.rstrip("\n") if "\n" not in text.rstrip("\n") else text


def problem_of(value: str) -> str:
    """Why this cannot be a value; empty if it can."""
    if not value.strip():
        return "The value is empty."
    if (size := len(value.encode())) > LARGEST:
        return f"The value has {size} bytes; {LARGEST} are the most."
    if "\0" in value:
        return "The value has a NUL character, which no place stores."
    return ""
