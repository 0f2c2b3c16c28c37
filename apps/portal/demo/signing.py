"""How the demo's people sign: through the portal's own pages, signed in and confirming who they are."""

import re
from typing import Any

import requests
from django.conf import settings

from apps.portal.demo.people import PASSWORD

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class SigningFailed(RuntimeError):
    """The portal refused what the demo expected it to take."""


class Signer:
    """One person at a browser: signs in, confirms, decides."""

    def __init__(self, email: str) -> None:
        self.email = email
        self.session = requests.Session()
        self._post("/accounts/login/", {"login": email, "password": PASSWORD})

    def sign(self, request: Any, comment: str = "") -> None:
        """Sign an approval request on its page, confirming the password where the policy asks for it."""
        page = f"{request.get_absolute_url()}sign/"
        opened = self._get(page)
        if "/accounts/reauthenticate/" in opened.url:
            self._submit(opened, {"password": PASSWORD, "next": page})
        answer = self._post(page, {"comment": comment})
        if answer.url.endswith("/sign/"):
            raise SigningFailed(f"{self.email} could not sign “{request}”: HTTP {answer.status_code}.")

    def _get(self, path: str) -> requests.Response:
        answer = self.session.get(f"{settings.TENURE_ADDRESS}{path}", timeout=30)
        answer.raise_for_status()
        return answer

    def _post(self, path: str, fields: dict[str, str]) -> requests.Response:
        return self._submit(self._get(path), fields)

    def _submit(self, page: requests.Response, fields: dict[str, str]) -> requests.Response:
        token = TOKEN.search(page.text)
        if token is None:
            raise SigningFailed(f"There is no form on {page.url}.")
        fields = {"csrfmiddlewaretoken": token[1], **fields}
        answer = self.session.post(page.url, data=fields, headers={"Referer": page.url}, timeout=30)
        if answer.status_code >= 400:
            raise SigningFailed(f"{page.url} answered {answer.status_code} to {self.email}.")
        return answer


class Signers:
    """Everybody who has signed in so far; each signs in once."""

    def __init__(self) -> None:
        self.signed_in: dict[str, Signer] = {}

    def sign(self, request: Any, *people: Any, comment: str = "") -> None:
        """Let people sign a request, in order."""
        for person in people:
            if person.email not in self.signed_in:
                self.signed_in[person.email] = Signer(person.email)
            self.signed_in[person.email].sign(request, comment)
