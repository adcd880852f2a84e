"""GET /user, /app and /rate_limit, and a GitHub App's tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github.routes.part import REPOSITORY, Part
from sandbox.github.shapes import common as shapes
from sandbox.github.shapes.common import FOUNDED, ORGANIZATION, authenticated_user, node_id, number_of, stamp, user
from sandbox.github.site import caller_of
from sandbox.github.web import GitHubError, json_body, json_response, not_found, page_of, permitted

if TYPE_CHECKING:
    from sandbox.github.credentials import AppIdentity, Caller
    from sandbox.github.rate_limit import RateLimit
    from sandbox.github.site import Site
    from sandbox.github.web import Json

_NO_INSTALLATION = (
    "You must authenticate with an installation access token in order to list repositories for an installation."
)
_NO_REPOSITORY = "There is at least one repository that does not exist or is not accessible to the parent installation."
_LEVELS = ("read", "write", "admin")


class AccountRoutes(Part):
    """The caller's own identity."""

    def __init__(self, site: Site, rate_limit: RateLimit) -> None:
        super().__init__(site)
        self._rate_limit = rate_limit

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get("/user", self.user),
            web.get("/user/repos", self.own_repositories),
            web.get("/app", self.app),
            web.get("/rate_limit", self.rate_limit),
            web.get("/installation/repositories", self.repositories),
            web.get("/app/installations", self.installations),
            web.get(f"{REPOSITORY}/installation", self.installation),
            web.get(f"{REPOSITORY}/activity", self.activity),
            web.get(f"{REPOSITORY}/collaborators/{{login}}/permission", self.permission),
            web.post("/app/installations/{installation_id}/access_tokens", self.access_token),
        ]

    async def user(self, request: web.Request) -> web.Response:
        """The owner of the token."""
        caller = _authenticated(request)
        if caller.kind != "user":
            raise GitHubError(403, "Resource not accessible by integration")
        return json_response(authenticated_user(self._site.base, caller.login))

    async def own_repositories(self, request: web.Request) -> web.Response:
        """The repositories of the owner of the token."""
        caller = _authenticated(request)
        if caller.kind != "user":
            raise GitHubError(403, "Resource not accessible by integration")
        visible = [each for name, each in self._site.repositories.items() if name in (caller.repositories or {name})]
        page, links = page_of(request, visible, self._site.base)
        answers = [shapes.repository_full(self._site.base, each, may_write=True) for each in page]
        for answer in answers:
            del answer["organization"], answer["subscribers_count"], answer["network_count"]
        return json_response(answers, headers=links)

    async def rate_limit(self, request: web.Request) -> web.Response:
        """The rate limit; this request does not count."""
        rate = self._rate_limit.usage(request.headers.get("Authorization", ""))
        search = {"limit": 30, "used": 0, "remaining": 30, "reset": rate["reset"]}
        return json_response({"resources": {"core": rate, "search": search}, "rate": rate})

    async def activity(self, request: web.Request) -> web.Response:
        """The pushes to the repository's branches, newest first; `ref` is a full name or a branch's."""
        repository = self._site.repository(request)
        branch = request.query.get("ref", "").removeprefix("refs/heads/")
        fits = [each for each in repository.activities[::-1] if branch in ("", each.branch)]
        return self._listed(request, fits, lambda each: shapes.activity(self._site.base, repository, each))

    async def permission(self, request: web.Request) -> web.Response:
        """What an account may do in the repository; an account without access may read a public one alone."""
        repository = self._site.repository(request)
        login = request.match_info["login"]
        return json_response(shapes.permission(self._site.base, login, may_write=login in repository.writers))

    async def app(self, request: web.Request) -> web.Response:
        """The App that signed the JWT."""
        app, base = self._app(request), self._site.base
        return json_response(
            {
                "id": app.app_id,
                "slug": app.slug,
                "node_id": node_id("A", app.app_id),
                "owner": user(base, ORGANIZATION),
                "name": app.slug.title(),
                "description": "Runs deploys from chat",
                "external_url": base,
                "html_url": f"{base}/apps/{app.slug}",
                "created_at": FOUNDED,
                "updated_at": FOUNDED,
                "permissions": self._site.credentials.app_permissions,
                "events": ["workflow_job", "workflow_run"],
                "installations_count": 1,
            }
        )

    async def installation(self, request: web.Request) -> web.Response:
        """The App's installation on this repository."""
        app = self._app(request)
        wanted = f"{request.match_info['owner']}/{request.match_info['name']}"
        installed = self._site.credentials.app_repositories
        if wanted not in self._site.repositories or (installed is not None and wanted not in installed):
            raise not_found()
        return json_response(self._installation(app))

    async def installations(self, request: web.Request) -> web.Response:
        """The App's only installation."""
        page, links = page_of(request, [self._installation(self._app(request))], self._site.base)
        return json_response(page, headers=links)

    async def repositories(self, request: web.Request) -> web.Response:
        """The repositories that are visible to an installation's token."""
        caller = _authenticated(request)
        if caller.kind != "installation":
            raise GitHubError(403, _NO_INSTALLATION)
        visible = [
            repository
            for name, repository in self._site.repositories.items()
            if caller.repositories is None or name in caller.repositories
        ]
        page, links = page_of(request, visible, self._site.base)
        answers = [shapes.repository_full(self._site.base, repository, may_write=True) for repository in page]
        for repository in answers:
            del repository["organization"], repository["subscribers_count"], repository["network_count"]
        selection = "all" if caller.repositories is None else "selected"
        answer = {"total_count": len(visible), "repository_selection": selection, "repositories": answers}
        return json_response(answer, headers=links)

    def _installation(self, app: AppIdentity) -> Json:
        base = self._site.base
        here = f"{base}/app/installations/{app.installation_id}"
        return {
            "id": app.installation_id,
            "account": user(base, ORGANIZATION),
            "repository_selection": self._selection,
            "access_tokens_url": f"{here}/access_tokens",
            "repositories_url": f"{base}/installation/repositories",
            "html_url": f"{base}/organizations/{ORGANIZATION}/settings/installations/{app.installation_id}",
            "app_id": app.app_id,
            "app_slug": app.slug,
            "target_id": number_of(ORGANIZATION),
            "target_type": "Organization",
            "permissions": self._site.credentials.app_permissions,
            "events": ["workflow_job", "workflow_run"],
            "created_at": FOUNDED,
            "updated_at": FOUNDED,
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "suspended_by": None,
            "suspended_at": None,
        }

    async def access_token(self, request: web.Request) -> web.Response:
        """A token of the installation, valid for an hour."""
        app = self._app(request)
        if request.match_info["installation_id"] != str(app.installation_id):
            raise not_found()
        if self._site.credentials.suspended:
            raise GitHubError(403, "This installation has been suspended")
        body = await json_body(request)
        permitted(body, "permissions", "repositories", "repository_ids")
        permissions, repositories = self._narrowed(body)
        token, expires = self._site.credentials.new_installation_token(permissions, repositories)
        answer = {
            "token": token,
            "expires_at": stamp(expires),
            "permissions": permissions or dict(self._site.credentials.app_permissions),
            "repository_selection": self._selection if repositories is None else "selected",
        }
        return json_response(answer, 201)

    @property
    def _selection(self) -> str:
        return "all" if self._site.credentials.app_repositories is None else "selected"

    def _narrowed(self, body: Json) -> tuple[dict[str, str] | None, frozenset[str] | None]:
        """The requested rights of a token; 422 for more rights than the installation has."""
        credentials = self._site.credentials
        wanted: dict[str, str] | None = body.get("permissions")
        for name, level in (wanted or {}).items():
            has = credentials.app_permissions.get(name)
            if has is None or _LEVELS.index(level) > _LEVELS.index(has):
                raise GitHubError(422, "The permissions requested are not granted to this installation.")
        names = body.get("repositories")
        if names is None:
            return wanted, None
        full_names = {name.partition("/")[2]: name for name in credentials.app_repositories or self._site.repositories}
        if not set(names) <= set(full_names):
            raise GitHubError(422, _NO_REPOSITORY)
        return wanted, frozenset(full_names[name] for name in names)

    def _app(self, request: web.Request) -> AppIdentity:
        caller = _authenticated(request)
        app = self._site.credentials.app
        if caller.kind != "app" or app is None:
            raise GitHubError(401, "A JSON web token could not be decoded")
        return app


def _authenticated(request: web.Request) -> Caller:
    caller = caller_of(request)
    if caller is None:
        raise GitHubError(401, "Requires authentication")
    return caller
