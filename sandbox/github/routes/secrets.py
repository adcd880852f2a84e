"""Actions secrets of repositories, of their environments and of organizations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github.refusals import RefusedError
from sandbox.github.routes.part import REPOSITORY, Part
from sandbox.github.shapes.common import ORGANIZATION, repository_minimal, stamp
from sandbox.github.site import caller_of, writer_of
from sandbox.github.vault import Vault
from sandbox.github.web import (
    GitHubError,
    json_body,
    json_response,
    not_found,
    permitted,
    required_text,
    validation_failed,
)

if TYPE_CHECKING:
    from sandbox.github.vault import Secret
    from sandbox.github.web import Json

_VISIBILITIES = ("all", "private", "selected")


class SecretRoutes(Part):
    """The endpoints of secrets: sealed values are stored; names and times are returned."""

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        routes: list[web.RouteDef] = []
        routes.append(web.get(f"{REPOSITORY}/actions/organization-secrets", self.of_organization))
        routes.append(web.get("/orgs/{org}/actions/secrets/{secret}/repositories", self.readers))
        environment = f"{REPOSITORY}/environments/{{environment}}/secrets"
        for base in (f"{REPOSITORY}/actions/secrets", environment, "/orgs/{org}/actions/secrets"):
            routes += [
                web.get(base, self.secrets),
                web.get(base + "/public-key", self.public_key),
                web.get(base + "/{secret}", self.secret),
                web.put(base + "/{secret}", self.put),
                web.delete(base + "/{secret}", self.delete),
            ]
        return routes

    def _vault(self, request: web.Request) -> Vault:
        if "environment" in request.match_info:
            repository, name = self._site.repository(request), request.match_info["environment"]
            if name not in repository.deployments.environments:
                raise not_found()
            return repository.environment_vaults.setdefault(name, Vault())
        if "org" not in request.match_info:
            return self._site.repository(request).vault
        if request.match_info["org"].lower() != ORGANIZATION.lower() or caller_of(request) is None:
            raise not_found()
        return self._site.organization_vault

    async def secrets(self, request: web.Request) -> web.Response:
        """The names of all secrets, with their times."""
        secrets = sorted(self._vault(request).secrets.values(), key=lambda secret: secret.name)
        return self._listed(request, secrets, partial(self._answer, request), under="secrets")

    async def of_organization(self, request: web.Request) -> web.Response:
        """The organization's secrets that the repository sees."""
        repository = self._site.repository(request)
        listed = self._site.organization_vault.secrets.values()
        visible = [
            each for each in listed if each.visibility != "selected" or repository.full_name in each.repositories
        ]
        return self._listed(request, sorted(visible, key=lambda each: each.name), _times, under="secrets")

    async def readers(self, request: web.Request) -> web.Response:
        """The repositories that see a secret of the organization; a conflict where it is not for selected ones."""
        self._vault(request)
        secret = self._secret(request)
        if secret.visibility != "selected":
            raise GitHubError(409, "Visibility type not set to selected")
        visible = [each for name, each in self._site.repositories.items() if name in secret.repositories]
        shape = partial(repository_minimal, self._site.base)
        return self._listed(request, visible, shape, under="repositories")

    async def public_key(self, request: web.Request) -> web.Response:
        """The public key for sealing secrets."""
        vault = self._vault(request)
        return json_response({"key_id": vault.key_id, "key": vault.public_key})

    async def secret(self, request: web.Request) -> web.Response:
        """A secret's name and times, without its value."""
        return json_response(self._answer(request, self._secret(request)))

    def _secret(self, request: web.Request) -> Secret:
        secret = self._vault(request).secrets.get(request.match_info["secret"].upper())
        if secret is None:
            raise not_found()
        return secret

    async def put(self, request: web.Request) -> web.Response:
        """Set a secret: 201 for a new one, else 204."""
        vault, _ = self._vault(request), writer_of(request)
        body = await json_body(request)
        sealed, key_id = required_text(body, "encrypted_value"), required_text(body, "key_id")
        visibility = "private"
        if "org" in request.match_info:
            permitted(body, "encrypted_value", "key_id", "visibility", "selected_repository_ids")
            visibility = required_text(body, "visibility")
            if visibility not in _VISIBILITIES:
                raise validation_failed("Secret", field="visibility", code="invalid")
        else:
            permitted(body, "encrypted_value", "key_id")
        try:
            is_new = vault.put(request.match_info["secret"], sealed, key_id, visibility)
        except RefusedError as error:
            raise GitHubError(422, str(error)) from error
        return json_response({}, 201) if is_new else web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a secret: 204."""
        writer_of(request)
        del self._vault(request).secrets[self._secret(request).name]
        return web.Response(status=204)

    def _answer(self, request: web.Request, secret: Secret) -> Json:
        answer = _times(secret)
        if "org" in request.match_info:
            answer["visibility"] = secret.visibility
            if secret.visibility == "selected":
                here = f"{self._site.base}/orgs/{ORGANIZATION}/actions/secrets/{secret.name}"
                answer["selected_repositories_url"] = f"{here}/repositories"
        return answer


def _times(secret: Secret) -> Json:
    return {
        "name": secret.name,
        "created_at": stamp(secret.created_at),
        "updated_at": stamp(secret.updated_at),
    }
