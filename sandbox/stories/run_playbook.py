"""A playbook of the team's own by /run: its inputs stay text, an approval, a row for each host, and no deploy is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types
from sandbox.stories._bastion import options, running_bastion
from sandbox.stories._infrastructure import commit

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "/run starts a playbook on the machines of an environment, with inputs that stay text"
CHANNELS = ("#staging",)
OWN_AWS = True
_DIRECTORY = '  directory: "{files}/var"\n'
OPTIONS = options(
    {
        _DIRECTORY: f"""{_DIRECTORY}  clear-cache:
    playbook: clear-cache.yml
    environment: staging
    description: Clear a cache on the machines
    inputs: {{cache: [pages, sessions], reason: }}
"""
    }
)
_PLAYBOOK = """- name: Clear a cache
  hosts: bastion
  gather_facts: false
  tasks:
    - name: Clear it
      ansible.builtin.raw: "printf '%s\\\\n' {{ (cache ~ ' because ' ~ reason) | quote }} >> FILE"
      changed_when: true
"""


async def play(world: World) -> None:
    """Act it out."""
    async with running_bastion(world):
        cleared = world.files / "bastion" / "cleared"
        playbook = _PLAYBOOK.replace("FILE", str(cleared))
        commit(world, {"provisioners/clear-cache.yml": playbook}, "Clear a cache")
        ana = world.person("ana")
        await types(world, "ana", "#staging", "/run clear-cache cache=page")
        await gets_notice(ana, "cache cannot be “page”; did you mean “pages”?")
        await types(world, "ana", "#staging", "/run clear-cache")
        window = await ana.wait_for_view(predicate=lambda view: view.callback_id == "run")
        reason = "{{ lookup('pipe', 'id') }}; $(id)"
        reply = await ana.submit(window, {"cache": "sessions", "reason": reason})
        expect(reply.closed, f"the window has {reply.errors}")
        ask = await shows(
            world, "#staging", "#1 ", "Run clear-cache", "clear-cache.yml", "on bastion", "waiting for approval"
        )
        await clicks(world, "lee", ask, "approve")
        await shows(world, "#staging", "#1 ", ":white_check_mark:", "ran clear-cache on 1 host", "through Ansible")
        expect(cleared.read_text() == f"sessions because {reason}\n", f"the machine has {cleared.read_text()}")

        announce("the next one fails, and its log is in the thread")
        commit(world, {"provisioners/clear-cache.yml": playbook.replace(" >> ", " > /nowhere/")}, "Break it")
        await types(world, "ana", "#staging", "/run clear-cache cache=pages reason=test")
        ask = await shows(world, "#staging", "#2 ", "approval")
        await clicks(world, "lee", ask, "approve")
        failed = await shows(world, "#staging", "#2 ", ":x:", "failed on", "The output of each host is in the thread")
        thread = world.channel("#staging").thread(failed.ts)
        expect("run-2-bastion.txt" in [file.name for reply in thread for file in reply.files], "the log is missing")
        await types(world, "ana", "#ops", "/infra status")
        status = await gets_notice(ana, "staging")
        expect("no deploy by Signalbox yet" in status.rendered, "a run counts as a deploy")
