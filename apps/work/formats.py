"""What goes out, in the form each receiver reads: a signed webhook, Slack's blocks, an Adaptive Card for Teams.

Webhooks follow the Standard Webhooks specification (https://www.standardwebhooks.com): `webhook-id` is the same on
every attempt, `webhook-timestamp` is the attempt's, and `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over
`id.timestamp.body` with the bytes behind `whsec_`. While a secret is being changed both sign, divided by a blank.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "whsec_"


@dataclass(frozen=True)
class News:
    """One thing to tell: a title, a text, a few facts, an address to look at, and `data` for machines."""

    event: str
    at: str
    title: str
    text: str
    url: str
    facts: Sequence[Sequence[str]] = ()
    data: dict[str, Any] | None = None
    meaning: str = "attention"


def new_secret() -> str:
    """A signing secret with 256 bits of randomness."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The `v1` signature of one attempt."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def webhook(news: News) -> bytes:
    """The body of a webhook: `type`, `timestamp` and `data`."""
    data = {"title": news.title, "text": news.text, "url": news.url, **(news.data or {})}
    return _json({"type": news.event, "timestamp": news.at, "data": data})


def webhook_headers(message_id: str, timestamp: int, body: bytes, sealed_with: Sequence[str]) -> dict[str, str]:
    """The headers that let the receiver know who sent it, and that it is neither changed nor old."""
    signatures = " ".join(signature(secret, message_id, timestamp, body) for secret in sealed_with)
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures,
    }


def slack(news: News) -> bytes:
    """An incoming webhook's message, with a plain text for notifications and screen readers."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(news.title, 150), "emoji": False}},
        {"type": "section", "text": {"type": "mrkdwn", "text": _cut(_slack(news.text), 2900)}},
    ]
    if news.facts:
        fields = [
            {"type": "mrkdwn", "text": _cut(f"*{_slack(name)}*\n{_slack(value)}", 1900)} for name, value in news.facts
        ]
        blocks.append({"type": "section", "fields": fields[:10]})
    blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{news.url}|Look at it in Tenure>"}})
    return _json({"text": _slack(f"{news.title}: {news.text}")[:2900], "blocks": blocks})


def teams(news: News) -> bytes:
    """A message with one Adaptive Card, as Teams' workflows and incoming webhooks take it."""
    colour = {"wrong": "Attention", "attention": "Warning", "good": "Good"}.get(news.meaning, "Default")
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": _cut(_teams(news.title), 300), "weight": "Bolder", "size": "Medium",
         "wrap": True, "color": colour},
        {"type": "TextBlock", "text": _cut(_teams(news.text), 3000), "wrap": True},
    ]  # fmt: skip
    if news.facts:
        facts = [{"title": name, "value": _cut(_teams(value), 500)} for name, value in news.facts]
        body.append({"type": "FactSet", "facts": facts})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": "Look at it in Tenure", "url": news.url}],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return _json({"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]})


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(text: str) -> str:
    """Names of columns keep their underscores: cards read a little Markdown."""
    return "".join(f"\\{sign}" if sign in r"\_*[]" else sign for sign in text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _json(given: Any) -> bytes:
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"), default=str).encode()
