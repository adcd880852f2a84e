"""A pushed branch does not get what a check gets: nothing of it runs before somebody else approves its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.commits import Author
from sandbox.stories._acting import expect, rejects, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = (
    "a check and a plan of a branch that would steal secrets stop before anything runs; an approver reads what differs"
)
CHANNELS = ("#staging",)
OPTIONS = Options()

_PLAYBOOK = """- hosts: backend
  gather_facts: false
  tasks:
    - name: Fix a typo
      ansible.builtin.copy: {{content: "{{{{ database_url }}}}", dest: "{loot}", mode: "0600"}}
      check_mode: false
      delegate_to: localhost
"""
_TERRAFORM = """resource "terraform_data" "typo" {
  provisioner "local-exec" { command = "env > loot" }
}
"""


async def play(world: World) -> None:
    """Act it out."""
    repository, loot = world.github.repository("PermanentOrg/infrastructure"), world.machines_of("staging") / "loot"
    repository.graph.branch("fix-typo", "main")
    files = {"provisioners/deploy-backend.yml": _PLAYBOOK.format(loot=loot), "instances/staging/typo.tf": _TERRAFORM}
    evil = repository.commit("fix-typo", files, "Fix a typo", Author("Mallory", "mallory@lineside.example", "mallory"))

    for number, command in ((1, "/deploy staging backend fix-typo check"), (2, "/plan staging -ref=fix-typo")):
        await types(world, "ana", "#staging", command)
        ask = await shows(
            world, "#staging", f"#{number} ", "does not allow this ref", "pushed by mallory", "1 commit ahead"
        )
        for piece in ("provisioners/deploy-backend.yml", "instances/staging/typo.tf", "credentials of staging"):
            expect(piece in ask.rendered, f"the approver does not read {piece}")
        await rejects(world, "lee", ask)
        await shows(world, "#staging", f"#{number} ", "rejected, none of its code ran")
    fetched = [request for request in world.github.requests if f"tarball/{evil.sha}" in request.path]
    expect(not fetched and not loot.exists(), "something of the branch was fetched, or has run")

    await types(world, "ana", "#staging", "/deploy staging backend check")
    await shows(world, "#staging", "#3 ", "checked: ")
    expect(not loot.exists(), "the guarded ref runs the branch's playbook")
